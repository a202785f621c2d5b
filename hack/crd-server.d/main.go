// Serves custom resources with the unmodified k8s.io/apiextensions-apiserver.
//
// Upstream's own main asks a core API server who a caller is and what he may do. There is none here, so this
// one wires the same server with one static token that may do everything. It listens on a free port of
// 127.0.0.1 and writes a kubeconfig once it is ready.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	noopoteltrace "go.opentelemetry.io/otel/trace/noop"
	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	generatedopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: crd-server
clusters:
- name: crd-server
  cluster:
    server: https://%s
    certificate-authority-data: %s
users:
- name: administrator
  user:
    token: %s
contexts:
- name: crd-server
  context:
    cluster: crd-server
    user: administrator
`

func main() {
	directory := flag.String("directory", "", "where certificates and the kubeconfig go")
	etcd := flag.String("etcd", "", "etcd's address")
	compaction := flag.Duration("compaction", 0, "how often etcd's history is compacted; zero for never")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *directory, *etcd, *compaction); err != nil {
		fmt.Fprintln(os.Stderr, "crd-server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, directory, etcd string, compaction time.Duration) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	token := rand.Text()
	config, err := serverConfig(listener, directory, etcd, token, compaction)
	if err != nil {
		return err
	}
	server, err := config.Complete().New(genericapiserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	prepared := server.GenericAPIServer.PrepareRun()
	ended := make(chan error, 1)
	go func() { ended <- prepared.RunWithContext(ctx) }()

	client, err := kubernetes.NewForConfig(prepared.LoopbackClientConfig)
	if err != nil {
		return err
	}
	for ready := false; !ready; {
		select {
		case err := <-ended:
			return err
		case <-time.After(50 * time.Millisecond):
			_, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
			ready = err == nil
		}
	}
	if err := writeKubeconfig(directory, listener.Addr().String(), token); err != nil {
		return err
	}
	return <-ended
}

// serverConfig is what upstream's options make of themselves, less all that asks a core API server.
func serverConfig(
	listener net.Listener, directory, etcd, token string, compaction time.Duration,
) (*apiserver.Config, error) {
	o := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	recommended := o.RecommendedOptions
	recommended.Authentication = nil
	recommended.Authorization = nil
	recommended.CoreAPI = nil
	recommended.Admission = nil
	recommended.Features.EnablePriorityAndFairness = false
	recommended.Etcd.StorageConfig.Transport.ServerList = []string{etcd}
	recommended.Etcd.StorageConfig.CompactionInterval = compaction
	recommended.SecureServing.Listener = listener
	recommended.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	recommended.SecureServing.ServerCert.CertDirectory = directory

	if err := o.ServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	if err := o.Complete(); err != nil {
		return nil, err
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	if err := recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, loopback); err != nil {
		return nil, err
	}

	generic := genericapiserver.NewRecommendedConfig(apiserver.Codecs)
	if err := o.ServerRunOptions.ApplyTo(&generic.Config); err != nil {
		return nil, err
	}
	if err := recommended.ApplyTo(generic); err != nil {
		return nil, err
	}
	err := o.APIEnablement.ApplyTo(&generic.Config, apiserver.DefaultAPIResourceConfigSource(), apiserver.Scheme)
	if err != nil {
		return nil, err
	}
	generic.Authentication.Authenticator = bearertoken.New(tokenfile.New(map[string]*user.DefaultInfo{
		token: {Name: "administrator", Groups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated}},
	}))
	generic.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()

	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	generic.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	generic.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	return &apiserver.Config{
		GenericConfig: generic,
		ExtraConfig: apiserver.ExtraConfig{
			CRDRESTOptionsGetter: options.NewCRDRESTOptionsGetter(
				*recommended.Etcd, generic.ResourceTransformers, generic.StorageObjectCountTracker),
			ServiceResolver: webhook.NewDefaultServiceResolver(),
			AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(
				nil, nil, generic.LoopbackClientConfig, noopoteltrace.NewTracerProvider()),
		},
	}, nil
}

// writeKubeconfig writes it whole or not at all: who waits for the file may read it at once.
func writeKubeconfig(directory, address, token string) error {
	authority, err := os.ReadFile(filepath.Join(directory, "apiserver.crt"))
	if err != nil {
		return err
	}
	text := fmt.Sprintf(kubeconfig, address, base64.StdEncoding.EncodeToString(authority), token)
	path := filepath.Join(directory, "kubeconfig")
	if err := os.WriteFile(path+".part", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
