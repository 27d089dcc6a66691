module github.com/curlpipe/curlpipe

go 1.25.0

require (
	github.com/andelf/go-curl v0.0.0-20250312014544-8683354c1636
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.45.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
