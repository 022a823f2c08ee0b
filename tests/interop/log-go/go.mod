module tenmint/tests/interop/log-go

go 1.19

require (
	github.com/google/certificate-transparency-go v1.1.6
	github.com/transparency-dev/merkle v0.0.2
	golang.org/x/mod v0.12.0
)

require (
	github.com/go-logr/logr v1.2.3 // indirect
	golang.org/x/crypto v0.8.0 // indirect
	golang.org/x/net v0.10.0 // indirect
	google.golang.org/protobuf v1.30.0 // indirect
	k8s.io/klog/v2 v2.100.1 // indirect
)
