// The peer of the embedded queue's benchmark: maragu.dev/goqite, with the same bodies, in
// WAL mode with synchronous=FULL, beside the same backlog of 1000.
//
//	go run . MESSAGES FOLDER
//
// prints messages published a second, and received and deleted a second: each the better one of a
// transaction per message, as its Send, Receive and Delete do, and of a transaction per 100.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"maragu.dev/goqite"
)

func main() {
	log.SetFlags(0)
	count, err := strconv.Atoi(os.Args[1])
	check(err)
	published, received := 0.0, 0.0
	for _, batch := range []int{1, 100} {
		p, r := measure(count, batch, os.Args[2])
		log.Printf("goqite, %d a transaction: %.0f published/s, %.0f received+deleted/s", batch, p, r)
		published, received = max(published, p), max(received, r)
	}
	fmt.Printf("%.0f %.0f\n", published, received)
}

func measure(count, batch int, folder string) (published, received float64) {
	path := filepath.Join(folder, "goqite.db")
	remove(path)
	defer remove(path)
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal=WAL&_sync=FULL&_timeout=5000&_txlock=immediate")
	check(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(schema())
	check(err)
	queue := goqite.New(goqite.NewOpts{DB: db, Name: "bench", Timeout: time.Hour})

	publish(db, queue, 1000, 100)
	start := time.Now()
	publish(db, queue, count, batch)
	published = float64(count) / time.Since(start).Seconds()
	start = time.Now()
	receive(db, queue, count, batch)
	received = float64(count) / time.Since(start).Seconds()
	return published, received
}

// schema is goqite's own: it is a file of its module, which its package does not export.
func schema() string {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "maragu.dev/goqite").Output()
	check(err)
	path := filepath.Join(strings.TrimSpace(string(folder)), "schema_sqlite.sql")
	text, err := os.ReadFile(path)
	check(err)
	return string(text)
}

func publish(db *sql.DB, queue *goqite.Queue, count, batch int) {
	body := bytes.Repeat([]byte("x"), 200)
	for sent := 0; sent < count; sent += batch {
		within(db, func(tx *sql.Tx) {
			for range batch {
				check(queue.SendTx(context.Background(), tx, goqite.Message{Body: body}))
			}
		})
	}
}

func receive(db *sql.DB, queue *goqite.Queue, count, batch int) {
	for got := 0; got < count; got += batch {
		ids := make([]goqite.ID, 0, batch)
		within(db, func(tx *sql.Tx) {
			for range batch {
				message, err := queue.ReceiveTx(context.Background(), tx)
				check(err)
				ids = append(ids, message.ID)
			}
		})
		within(db, func(tx *sql.Tx) {
			for _, id := range ids {
				check(queue.DeleteTx(context.Background(), tx, id))
			}
		})
	}
}

func within(db *sql.DB, work func(*sql.Tx)) {
	tx, err := db.Begin()
	check(err)
	work(tx)
	check(tx.Commit())
}

func remove(path string) {
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(path + end)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
