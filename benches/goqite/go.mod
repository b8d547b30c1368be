module goqite-peer

go 1.24.0

require (
	github.com/mattn/go-sqlite3 v1.14.28
	maragu.dev/goqite v0.4.0
)
