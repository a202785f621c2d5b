#!/usr/bin/env bash
# What a control plane on loopback needs before it starts: certificates, kubeconfigs and an audit policy.
#
#   control_plane_files.sh DIR SERVER NODE...      SERVER: https://127.0.0.1:PORT
set -euo pipefail
folder=$1 server=$2
shift 2
mkdir -p "$folder"
cd "$folder"

authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt \
        -days 2 -subj /CN=end-to-end -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
}

# certificate NAME SUBJECT USAGE [NAMES]
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" \
        -subj "$2" 2>/dev/null
    printf 'extendedKeyUsage=%s\n%s\n' "$3" "${4:+subjectAltName=$4}" >"$1.extensions"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -extfile "$1.extensions" -out "$1.crt" 2>/dev/null
    rm "$1.csr" "$1.extensions"
}

# kubeconfig NAME: of the client certificate of that name
kubeconfig() {
    cat >"$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: end-to-end, cluster: {server: "$server", certificate-authority: "$folder/ca.crt"}}]
users: [{name: "$1", user: {client-certificate: "$folder/$1.crt", client-key: "$folder/$1.key"}}]
contexts: [{name: end-to-end, context: {cluster: end-to-end, user: "$1"}}]
current-context: end-to-end
YAML
}

# client NAME SUBJECT
client() {
    certificate "$1" "$2" clientAuth
    kubeconfig "$1"
}

authority
certificate server /CN=kube-apiserver serverAuth \
    "IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc,DNS:kubernetes"
certificate kubelet /CN=kubelet serverAuth IP:127.0.0.1,DNS:localhost
certificate logs /CN=kube-apiserver-kubelet-client clientAuth
client admin /O=system:masters/CN=admin
client controller-manager /CN=system:kube-controller-manager
client scheduler /CN=system:kube-scheduler
for node in "$@"; do client "$node" "/O=system:nodes/CN=system:node:$node"; done
openssl genrsa -out accounts.key 2048 2>/dev/null
openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
cat >audit-policy.yaml <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
# Watches are told when they begin.
omitStages: [RequestReceived]
rules: [{level: Metadata}]
YAML
