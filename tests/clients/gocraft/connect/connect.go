// Package connect holds the flags that the programs share, and gives connections to Redis.
package connect

import (
	"flag"
	"time"

	"github.com/gomodule/redigo/redis"
)

var (
	address   = flag.String("redis", "127.0.0.1:6379", "HOST:PORT of Redis")
	database  = flag.Int("database", 0, "the number of the database")
	namespace = flag.String("ns", "work", "the namespace of the keys")
)

// Namespace is what stands before all keys, without its colon.
func Namespace() string { return *namespace }

// Pool gives up to so many connections at once.
func Pool(connections int) *redis.Pool {
	return &redis.Pool{
		MaxActive:   connections,
		MaxIdle:     connections,
		IdleTimeout: 4 * time.Minute,
		Wait:        true,
		Dial: func() (redis.Conn, error) {
			return redis.Dial("tcp", *address, redis.DialDatabase(*database))
		},
	}
}
