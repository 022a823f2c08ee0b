module tuf-go

go 1.19

require github.com/theupdateframework/go-tuf v0.7.0

require (
	github.com/secure-systems-lab/go-securesystemslib v0.7.0 // indirect
	golang.org/x/crypto v0.16.0 // indirect
	golang.org/x/sys v0.15.0 // indirect
)
