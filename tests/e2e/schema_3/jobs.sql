BEGIN TRANSACTION;
CREATE TABLE dead_letters(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  reason TEXT NOT NULL,
  receives INTEGER NOT NULL,
  buried_at INTEGER NOT NULL
);
CREATE TABLE idempotency(key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('once','2b855c1c61c0b691b0da700c1761a57eabf4dea4d6891a36aaac895c3e655609',1);
CREATE TABLE images(job INTEGER NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL, filename TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;
INSERT INTO "images" VALUES(1,0,'uploads/cat_720p_20261127-084711_61f47c4d.jpg',NULL);
INSERT INTO "images" VALUES(1,1,'uploads/parrot_20261127-084711_bf5cda1a.jpg',NULL);
INSERT INTO "images" VALUES(1,2,'uploads/pets_20261127-084711_60b4850e.jpg',NULL);
INSERT INTO "images" VALUES(1,3,'uploads/notes_20261127-084711_2e557234.jpg',NULL);
INSERT INTO "images" VALUES(2,0,'uploads/cat_720p_20261127-084711_61f47c4d.jpg',NULL);
INSERT INTO "images" VALUES(2,1,'uploads/parrot_20261127-084711_bf5cda1a.jpg',NULL);
INSERT INTO "images" VALUES(2,2,'uploads/pets_20261127-084711_60b4850e.jpg',NULL);
INSERT INTO "images" VALUES(3,0,'uploads/cat_720p_20261127-084711_61f47c4d.jpg',NULL);
INSERT INTO "images" VALUES(4,0,'uploads/cat_720p_20261127-084711_61f47c4d.jpg',NULL);
INSERT INTO "images" VALUES(4,1,'uploads/parrot_20261127-084711_bf5cda1a.jpg',NULL);
INSERT INTO "images" VALUES(4,2,'uploads/pets_20261127-084711_60b4850e.jpg',NULL);
INSERT INTO "images" VALUES(4,3,'uploads/cat_720p_20261127-084711_61f47c4d.jpg',NULL);
CREATE TABLE job_counts(type INTEGER NOT NULL, status INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(type, status)) WITHOUT ROWID;
INSERT INTO "job_counts" VALUES(0,1,1);
INSERT INTO "job_counts" VALUES(0,2,0);
INSERT INTO "job_counts" VALUES(0,3,1);
INSERT INTO "job_counts" VALUES(0,5,1);
INSERT INTO "job_counts" VALUES(1,1,0);
INSERT INTO "job_counts" VALUES(1,2,0);
INSERT INTO "job_counts" VALUES(1,3,1);
CREATE TABLE job_labels(job INTEGER PRIMARY KEY REFERENCES jobs(seq), labels TEXT NOT NULL);
INSERT INTO "job_labels" VALUES(2,'["cat","dog","bird"]');
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  type INTEGER NOT NULL,
  status INTEGER NOT NULL,
  model TEXT NOT NULL,
  top_k INTEGER NOT NULL,
  threshold REAL NOT NULL,
  total INTEGER NOT NULL,
  classified INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  error TEXT,
  retry_count INTEGER NOT NULL DEFAULT 0,
  sent_next INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "jobs" VALUES(1,'01a21c2f-e9d9-7f7f-83c2-cd1a6dc2881d',0,3,'efficientnet_lite0',3,0.0,4,3,0,1,1795769231833,1795769232586,1795769231837,1795769232586,NULL,0,4);
INSERT INTO "jobs" VALUES(2,'01a21c2f-ecf9-7ed8-bffe-fd95cbbc6c0e',1,3,'conse_efficientnet_lite0_minilm',5,0.99,3,2,1,0,1795769232633,1795769234289,1795769232647,1795769234289,NULL,0,3);
INSERT INTO "jobs" VALUES(3,'01a21c2f-f452-7d40-94af-a751e6d0751b',0,5,'efficientnet_lite0',5,0.5,1,0,0,0,1795769234514,1795769234535,NULL,1795769234535,'cancelled on request after 0 of 1 images',0,1);
INSERT INTO "jobs" VALUES(4,'01a21c2f-f46e-7dcf-8336-7a612f9dfd16',0,1,'efficientnet_lite0',5,0.0,4,0,0,0,1795769234542,1795769234542,NULL,NULL,NULL,0,4);
CREATE TABLE outcomes(job INTEGER NOT NULL, idx INTEGER NOT NULL, state INTEGER NOT NULL, ms REAL NOT NULL,
  predictions TEXT, output_key TEXT, error_code INTEGER, error TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;
INSERT INTO "outcomes" VALUES(1,0,0,1.60527924999999981993e+02,'[["Egyptian cat",0.45390525],["tiger cat",0.16383696],["tabby",0.13490896]]','01a21c2f-e9d9-7f7f-83c2-cd1a6dc2881d/Egyptian cat/cat_720p_20261127-084711_61f47c4d.jpg',NULL,NULL);
INSERT INTO "outcomes" VALUES(1,1,0,6.62474560000000138853e+01,'[["macaw",0.9147044],["bee eater",0.009488232],["lorikeet",0.0033972168]]','01a21c2f-e9d9-7f7f-83c2-cd1a6dc2881d/macaw/parrot_20261127-084711_bf5cda1a.jpg',NULL,NULL);
INSERT INTO "outcomes" VALUES(1,2,0,134.901102,'[["Boston bull",0.32398432],["Italian greyhound",0.2271119],["whippet",0.12715906]]','01a21c2f-e9d9-7f7f-83c2-cd1a6dc2881d/Boston bull/pets_20261127-084711_60b4850e.jpg',NULL,NULL);
INSERT INTO "outcomes" VALUES(1,3,2,0.001883,NULL,NULL,6,'the file is not an image of a supported type (JPEG, PNG, GIF, WebP, BMP)');
INSERT INTO "outcomes" VALUES(2,0,0,121.020851,'[["cat",0.9999725],["dog",2.5686999e-05],["bird",1.7752161e-06]]','01a21c2f-ecf9-7ed8-bffe-fd95cbbc6c0e/cat/cat_720p_20261127-084711_61f47c4d.jpg',NULL,NULL);
INSERT INTO "outcomes" VALUES(2,1,1,5.43811229999999952173e+01,'[["bird",0.98792297],["dog",0.009520857],["cat",0.0025561785]]',NULL,NULL,NULL);
INSERT INTO "outcomes" VALUES(2,2,0,2.50264009999999963444e+01,'[["dog",0.99993455],["bird",4.041318e-05],["cat",2.5035673e-05]]','01a21c2f-ecf9-7ed8-bffe-fd95cbbc6c0e/dog/pets_20261127-084711_60b4850e.jpg',NULL,NULL);
CREATE TABLE queue(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  hidden INTEGER NOT NULL DEFAULT 0,
  visible_at INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0,
  owner TEXT, failures INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
  UNIQUE(job, idx, generation)
);
INSERT INTO "queue" VALUES(9,4,0,0,0,0,0,1795769234551,1,NULL,0,1);
INSERT INTO "queue" VALUES(10,4,1,0,1,0,0,1795769234551,1,NULL,0,1);
INSERT INTO "queue" VALUES(11,4,2,0,2,0,0,1795769234551,0,NULL,0,0);
INSERT INTO "queue" VALUES(12,4,3,0,3,0,0,1795769234551,0,NULL,0,0);
CREATE INDEX jobs_by_status ON jobs(status, seq);
CREATE INDEX jobs_by_type ON jobs(type, seq);
CREATE INDEX jobs_by_type_status ON jobs(type, status, seq);
CREATE INDEX jobs_unsent ON jobs(seq) WHERE sent_next < total;
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
  INSERT INTO job_counts VALUES(new.type, new.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER jobs_status_changed AFTER UPDATE OF status ON jobs WHEN old.status <> new.status BEGIN
  UPDATE job_counts SET count = count - 1 WHERE type = old.type AND status = old.status;
  INSERT INTO job_counts VALUES(new.type, new.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE INDEX outcomes_failed ON outcomes(job, idx) WHERE state = 2;
CREATE INDEX queue_visible ON queue(rank, id) WHERE hidden = 0;
CREATE INDEX queue_hidden ON queue(visible_at) WHERE hidden = 1;
CREATE INDEX jobs_final ON jobs(created_at) WHERE status >= 3;
CREATE INDEX idempotency_by_job ON idempotency(job);
CREATE INDEX dead_letters_by_job ON dead_letters(job);
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs BEGIN
  UPDATE job_counts SET count = count - 1 WHERE type = old.type AND status = old.status;
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('queue',12);
COMMIT;
PRAGMA user_version=3;
PRAGMA application_id=0;
