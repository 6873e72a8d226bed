// A plain Go net/http server with the same store, for comparison with the API: GET /status/{id} reads a
// job from SQLite, POST /submit stores one and its keys in a durable transaction.
//
//	go_api PORT DATABASE
package main

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const schema = `
CREATE TABLE IF NOT EXISTS jobs(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
  status TEXT NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS images(job INTEGER NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;`

type submission struct {
	JobType   string   `json:"job_type"`
	S3Keys    []string `json:"s3_keys"`
	TopK      int      `json:"top_k"`
	Threshold float64  `json:"confidence_threshold"`
}

type server struct {
	database   *sql.DB
	status     *sql.Stmt
	job, image *sql.Stmt
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

func (s *server) getStatus(w http.ResponseWriter, r *http.Request) {
	var status, created string
	var total, done, failed int
	id := r.PathValue("id")
	if err := s.status.QueryRow(id).Scan(&status, &total, &done, &failed, &created); err != nil {
		answer(w, http.StatusNotFound, map[string]string{"error": "Job not found"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"job_id": id, "status": status, "total": total, "done": done,
		"failed": failed, "created_at": created, "updated_at": created})
}

func (s *server) submit(w http.ResponseWriter, r *http.Request) {
	var body submission
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.S3Keys) == 0 {
		answer(w, http.StatusBadRequest, map[string]string{"error": "the body is not a submission"})
		return
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	id := hex.EncodeToString(random)
	if err := s.store(id, body); err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusAccepted, map[string]string{"job_id": id, "status": "queued", "message": "accepted"})
}

func (s *server) store(id string, body submission) error {
	transaction, err := s.database.Begin()
	if err != nil {
		return err
	}
	defer transaction.Rollback() //nolint:errcheck // nothing to undo after a commit
	created := time.Now().UTC().Format(time.RFC3339)
	row, err := transaction.Stmt(s.job).Exec(id, body.JobType, "queued", len(body.S3Keys), created)
	if err != nil {
		return err
	}
	sequence, err := row.LastInsertId()
	if err != nil {
		return err
	}
	for index, key := range body.S3Keys {
		if _, err := transaction.Stmt(s.image).Exec(sequence, index, key); err != nil {
			return err
		}
	}
	return transaction.Commit()
}

func main() {
	database, err := sql.Open("sqlite3", os.Args[2]+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := database.Exec(schema); err != nil {
		log.Fatal(err)
	}
	prepare := func(query string) *sql.Stmt {
		statement, err := database.Prepare(query)
		if err != nil {
			log.Fatal(err)
		}
		return statement
	}
	s := &server{
		database: database,
		status:   prepare("SELECT status, total, done, failed, created FROM jobs WHERE id = ?"),
		job:      prepare("INSERT INTO jobs(id, type, status, total, done, failed, created) VALUES(?, ?, ?, ?, 0, 0, ?)"),
		image:    prepare("INSERT INTO images VALUES(?, ?, ?)"),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status/{id}", s.getStatus)
	mux.HandleFunc("POST /submit", s.submit)
	fmt.Println("listening")
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
