module github.com/libllmd/libllmd/bindings/go

go 1.24
