#define _GNU_SOURCE
#include "CCurl.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static int configure_socket(void *seconds, curl_socket_t socket, curlsocktype purpose) {
    (void)purpose;
    // Child processes have no business with our connections.
    (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
#ifdef TCP_USER_TIMEOUT
    unsigned int milliseconds = (unsigned int)(uintptr_t)seconds * 1000u;
    // A failure costs only the detection: the transfer goes on without.
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
#else
    (void)seconds;
    (void)socket;
#endif
    return CURL_SOCKOPT_OK;
}

CURLcode ccurl_set_dead_peer_detection(CURL *easy, long seconds) {
    CURLcode result = curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (result == CURLE_OK) result = curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, seconds / 2);
    if (result == CURLE_OK) result = curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, seconds / 6 + 1);
    if (result == CURLE_OK) {
        result = curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)seconds);
    }
    if (result == CURLE_OK) result = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, configure_socket);
    return result;
}

bool ccurl_open_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    for (int index = 0; index < 2; index++) {
        (void)fcntl(ends[index], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[index], F_SETFL, O_NONBLOCK);
    }
    *reading = ends[0];
    *writing = ends[1];
    return true;
}

void ccurl_name_thread(const char *name) {
#ifdef __linux__
    (void)pthread_setname_np(pthread_self(), name);
#else
    (void)pthread_setname_np(name);
#endif
}

#ifdef __GLIBC__
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
void ccurl_return_freed_memory(void) { malloc_trim(0); }
void ccurl_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

static int return_code_pages(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    (void)context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // Only what nobody may write to is as the file has it.
        if (segment->p_type != PT_LOAD || (segment->p_flags & (PF_X | PF_W)) != PF_X) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        // A refusal costs nothing but the memory.
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void ccurl_return_code_pages(void) { (void)dl_iterate_phdr(return_code_pages, NULL); }
#else
void ccurl_return_freed_memory(void) {}
void ccurl_return_code_pages(void) {}
void ccurl_limit_arenas(int count) { (void)count; }
#endif
