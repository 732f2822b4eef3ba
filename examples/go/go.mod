module github.com/libllmd/libllmd/examples/go

go 1.24

require github.com/libllmd/libllmd/bindings/go v0.1.0

replace github.com/libllmd/libllmd/bindings/go => ../../bindings/go
