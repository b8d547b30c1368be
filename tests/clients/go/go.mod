module kakehi.test/clients

go 1.24

require (
	google.golang.org/api v0.0.0-20181030000543-1d582fd0359e
	google.golang.org/appengine v1.6.8
	google.golang.org/appengine/v2 v2.0.6
)

require (
	github.com/golang/protobuf v1.5.2 // indirect
	golang.org/x/net v0.0.0-20220722155237-a158d28d115b // indirect
	google.golang.org/protobuf v1.30.0 // indirect
)
