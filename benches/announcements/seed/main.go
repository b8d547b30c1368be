// The peer of the announcements' benchmark: a loop of the usual shape. A tick asks the database for the
// users of a minute, and sends each into a channel of memory, from which a worker takes it.
//
//	go run . HOST:PORT DATABASE HH:MM QUERY
//
// QUERY is `format`, which compares the minute as text, or `range`, which an index can serve; or `seed`,
// the whole of the loop that this tool replaces: it takes all columns, by text, into memory first, and
// writes a line of log for each user on either side of the channel. User and password are in
// SQL_USERNAME and SQL_PASSWORD. Prints users, and seconds from the tick on.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"
)

type message struct {
	UserID int64
	Type   string
}

// A user, all columns.
type user struct {
	message
	at string
}

var queries = map[string]string{
	"format": "select uid, type from users where date_format(announce_at, '%H:%i') = ?",
	"range": "select uid, type from users where announce_at >= ? " +
		"and announce_at < addtime(?, '00:01:00')",
	"seed": "select * from users where date_format(announce_at, '%H:%i') = ?",
}

func main() {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", os.Args[1], os.Args[2]
	config.User, config.Passwd = os.Getenv("SQL_USERNAME"), os.Getenv("SQL_PASSWORD")
	db, err := sql.Open("mysql", config.FormatDSN())
	check(err)
	check(db.Ping())
	begin := time.Now()
	users := tick(db, os.Args[3], os.Args[4])
	fmt.Printf("%d %.3f\n", users, time.Since(begin).Seconds())
}

// tick sends each user of a minute to a worker, and waits until it has taken all.
func tick(db *sql.DB, minute, query string) int {
	messages, done := make(chan message), make(chan int)
	logs := query == "seed"
	go func() { done <- work(messages, logs) }()
	arguments := []any{minute}
	if query == "range" {
		arguments = []any{minute, minute}
	}
	rows, err := db.QueryContext(context.Background(), queries[query], arguments...)
	check(err)
	if logs {
		sendAll(rows, messages)
	} else {
		for rows.Next() {
			var m message
			check(rows.Scan(&m.UserID, &m.Type))
			messages <- m
		}
	}
	check(rows.Err())
	close(messages)
	return <-done
}

// sendAll reads all users, and then sends each.
func sendAll(rows *sql.Rows, messages chan<- message) {
	var users []user
	for rows.Next() {
		var u user
		check(rows.Scan(&u.UserID, &u.Type, &u.at))
		users = append(users, u)
	}
	for _, u := range users {
		log.Printf("Scheduling task for user: %d", u.UserID)
		messages <- u.message
	}
}

// work takes messages, and does nothing with them.
func work(messages <-chan message, logs bool) (taken int) {
	for m := range messages {
		if logs {
			log.Printf("Processing message for user: %d, type: %s", m.UserID, m.Type)
		}
		taken++
	}
	return taken
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
