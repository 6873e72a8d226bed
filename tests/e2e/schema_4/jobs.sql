BEGIN TRANSACTION;
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
INSERT INTO jobs VALUES(1,'01a2249a-90d1-73ba-9c9f-3cad28151828',0,3,'efficientnet_lite0',3,0.0,4,3,0,1,1795910439121,1795910462237,1795910439220,1795910462237,NULL,0,4);
INSERT INTO jobs VALUES(2,'01a2249a-eb51-7b7c-b12a-a6567a160506',1,3,'conse_efficientnet_lite0_minilm',2,0.5,3,3,0,0,1795910462289,1795910528151,1795910462361,1795910528151,NULL,0,3);
INSERT INTO jobs VALUES(3,'01a2249c-0909-7f06-a0f1-99a51a9be660',0,5,'efficientnet_lite0',5,0.5,4,0,0,0,1795910535433,1795910535565,NULL,1795910535565,'cancelled on request after 0 of 4 images',0,4);
INSERT INTO jobs VALUES(4,'01a2249c-09c6-7ac4-a17d-29db2b90516d',0,1,'efficientnet_lite0',5,0.0,4,0,0,0,1795910535622,1795910535622,NULL,NULL,NULL,0,4);
CREATE TABLE job_labels(job INTEGER PRIMARY KEY REFERENCES jobs(seq), labels TEXT NOT NULL);
INSERT INTO job_labels VALUES(2,'["cat","dog","bird"]');
CREATE TABLE job_counts(type INTEGER NOT NULL, status INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(type, status)) WITHOUT ROWID;
INSERT INTO job_counts VALUES(0,1,1);
INSERT INTO job_counts VALUES(0,2,0);
INSERT INTO job_counts VALUES(0,3,1);
INSERT INTO job_counts VALUES(0,5,1);
INSERT INTO job_counts VALUES(1,1,0);
INSERT INTO job_counts VALUES(1,2,0);
INSERT INTO job_counts VALUES(1,3,1);
CREATE TABLE idempotency(key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO idempotency VALUES('once','c8b4002f7ff2d327c0d4d0d30d895ebae5608d33d9078320bed3ebbf2e2de749',1);
CREATE TABLE images(job INTEGER NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL, filename TEXT, name TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;
INSERT INTO images VALUES(1,0,'uploads/cat_720p_20261129-000038_3c100cb4.jpg',NULL,'cat_720p.jpg');
INSERT INTO images VALUES(1,1,'uploads/parrot_20261129-000038_1271d3d8.jpg',NULL,'parrot.jpg');
INSERT INTO images VALUES(1,2,'uploads/pets_20261129-000038_0e53aa31.jpg',NULL,'pets.jpg');
INSERT INTO images VALUES(1,3,'uploads/notes_20261129-000038_86064093.jpg',NULL,'notes.jpg');
INSERT INTO images VALUES(2,0,'uploads/cat_720p_20261129-000038_3c100cb4.jpg',NULL,'cat_720p.jpg');
INSERT INTO images VALUES(2,1,'uploads/parrot_20261129-000038_1271d3d8.jpg',NULL,'parrot.jpg');
INSERT INTO images VALUES(2,2,'uploads/pets_20261129-000038_0e53aa31.jpg',NULL,'pets.jpg');
INSERT INTO images VALUES(3,0,'uploads/cat_720p_20261129-000038_3c100cb4.jpg',NULL,'cat_720p.jpg');
INSERT INTO images VALUES(3,1,'uploads/parrot_20261129-000038_1271d3d8.jpg',NULL,'parrot.jpg');
INSERT INTO images VALUES(3,2,'uploads/pets_20261129-000038_0e53aa31.jpg',NULL,'pets.jpg');
INSERT INTO images VALUES(3,3,'uploads/notes_20261129-000038_86064093.jpg',NULL,'notes.jpg');
INSERT INTO images VALUES(4,0,'uploads/cat_720p_20261129-000038_3c100cb4.jpg',NULL,'cat_720p.jpg');
INSERT INTO images VALUES(4,1,'uploads/parrot_20261129-000038_1271d3d8.jpg',NULL,'parrot.jpg');
INSERT INTO images VALUES(4,2,'uploads/pets_20261129-000038_0e53aa31.jpg',NULL,'pets.jpg');
INSERT INTO images VALUES(4,3,'uploads/cat_720p_20261129-000038_3c100cb4.jpg',NULL,'cat_720p.jpg');
CREATE TABLE outcomes(job INTEGER NOT NULL, idx INTEGER NOT NULL, state INTEGER NOT NULL, ms REAL NOT NULL,
  predictions TEXT, output_key TEXT, error_code INTEGER, error TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;
INSERT INTO outcomes VALUES(1,0,0,4498.3871159999998779,'[["Egyptian cat",0.46464187],["tiger cat",0.15970123],["tabby",0.13240543]]','01a2249a-90d1-73ba-9c9f-3cad28151828/Egyptian cat/cat_720p_20261129-000038_3c100cb4.jpg',NULL,NULL);
INSERT INTO outcomes VALUES(1,1,0,3773.6857119999999668,'[["macaw",0.9153653],["bee eater",0.008869634],["lorikeet",0.003485783]]','01a2249a-90d1-73ba-9c9f-3cad28151828/macaw/parrot_20261129-000038_1271d3d8.jpg',NULL,NULL);
INSERT INTO outcomes VALUES(1,2,0,4067.6634439999997993,'[["Boston bull",0.30711237],["Italian greyhound",0.24036475],["whippet",0.12989621]]','01a2249a-90d1-73ba-9c9f-3cad28151828/Boston bull/pets_20261129-000038_0e53aa31.jpg',NULL,NULL);
INSERT INTO outcomes VALUES(1,3,2,420.08802000000002863,NULL,NULL,6,'the file is not an image of a supported type (JPEG, PNG, GIF, WebP, BMP, HEIC, AVIF, TIFF, JPEG XL or a camera''s raw file)');
INSERT INTO outcomes VALUES(2,0,0,6141.3828649999995831,'[["cat",0.99997365],["dog",2.4738078e-05]]','01a2249a-eb51-7b7c-b12a-a6567a160506/cat/cat_720p_20261129-000038_3c100cb4.jpg',NULL,NULL);
INSERT INTO outcomes VALUES(2,1,0,6315.0666085000002566,'[["bird",0.98735315],["dog",0.009947895]]','01a2249a-eb51-7b7c-b12a-a6567a160506/bird/parrot_20261129-000038_1271d3d8.jpg',NULL,NULL);
INSERT INTO outcomes VALUES(2,2,0,6065.4954065000001718,'[["dog",0.9999382],["bird",3.7887945e-05]]','01a2249a-eb51-7b7c-b12a-a6567a160506/dog/pets_20261129-000038_0e53aa31.jpg',NULL,NULL);
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
INSERT INTO queue VALUES(12,4,0,0,0,0,0,1795910535651,0,NULL,0,0);
INSERT INTO queue VALUES(13,4,1,0,1,0,0,1795910535651,0,NULL,0,0);
INSERT INTO queue VALUES(14,4,2,0,2,0,0,1795910535651,0,NULL,0,0);
INSERT INTO queue VALUES(15,4,3,0,3,0,0,1795910535651,0,NULL,0,0);
CREATE TABLE dead_letters(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  reason TEXT NOT NULL,
  receives INTEGER NOT NULL,
  buried_at INTEGER NOT NULL
);
CREATE TABLE photos(
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  sort_name BLOB NOT NULL,
  folder INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  size INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  uploaded INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  type TEXT NOT NULL,
  etag TEXT NOT NULL,
  sha256 BLOB
);
INSERT INTO photos VALUES(1,1,'uploads/cat_720p_20261129-000038_3c100cb4.jpg','cat_720p.jpg',X'6361745f33373230702e6a7067',1,0,104837,1795910438432,1795910438446,-9223372036854775808,1280,720,'image/jpeg','9a2065-19985-18ec5b0753285206',X'cfb1dbdf64b30de79104a47555ff8e9f12737a12c2128ecd0e7f38531a8c13ce');
INSERT INTO photos VALUES(2,2,'uploads/parrot_20261129-000038_1271d3d8.jpg','parrot.jpg',X'706172726f742e6a7067',1,0,596977,1795910438548,1795910438572,1235127222000,512,929,'image/jpeg','9a2067-91bf1-18ec5b075a12570a',X'a8fba9e7e29439fa414c13129aad661f2289ff891231920a7c33641b076f1833');
INSERT INTO photos VALUES(3,3,'uploads/pets_20261129-000038_0e53aa31.jpg','pets.jpg',X'706574732e6a7067',1,0,170711,1795910438796,1795910438840,1280592310000,512,430,'image/jpeg','9a2068-29ad7-18ec5b0768da8513',X'3d71034f8a910bc71c744d3191b652c6c09e9e9c703e4dcd97f1c5ef7adbfe82');
INSERT INTO photos VALUES(4,4,'uploads/notes_20261129-000038_86064093.jpg','notes.jpg',X'6e6f7465732e6a7067',1,0,8,1795910438944,1795910439045,-9223372036854775808,0,0,'','9a2069-8-18ec5b0771acd219',X'453361fd925712bb2f4ef496dfa3480f0d7a1e22fc15dc69e72aeb8086c135ce');
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','photo_words','photo_words',0,'CREATE VIRTUAL TABLE photo_words USING fts5(name, content=''photos'', content_rowid=''id'',
  detail=none, columnsize=0, prefix=''2 3 4'', tokenize=''unicode61 remove_diacritics 2'')');
CREATE TABLE IF NOT EXISTS 'photo_words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO photo_words_data VALUES(1,X'0409');
INSERT INTO photo_words_data VALUES(10,X'000000000104040004010101020101030101040101');
INSERT INTO photo_words_data VALUES(137438953473,X'000000420530373230700101036361740101036a706701000331373201010263610101026a70010004323732300101036361740101036a706701000533373230700104070606060505070606');
INSERT INTO photo_words_data VALUES(274877906945,X'0000003304306a7067020106706172726f74020003316a700201027061020004326a706702010370617202000533706172720204060906050706');
INSERT INTO photo_words_data VALUES(412316860417,X'0000003104306a706703010470657473030003316a700301027065030004326a706703010370657403000533706574730304060706050706');
INSERT INTO photo_words_data VALUES(549755813889,X'0000003204306a70670401056e6f746573040003316a700401026e6f040004326a70670401036e6f74040005336e6f74650404060806050706');
CREATE TABLE IF NOT EXISTS 'photo_words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO photo_words_idx VALUES(1,X'',2);
INSERT INTO photo_words_idx VALUES(2,X'',2);
INSERT INTO photo_words_idx VALUES(3,X'',2);
INSERT INTO photo_words_idx VALUES(4,X'',2);
CREATE TABLE IF NOT EXISTS 'photo_words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO photo_words_config VALUES('version',4);
CREATE TABLE photo_blocks(ord INTEGER NOT NULL, low NOT NULL, low_id INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY(ord, low, low_id)) WITHOUT ROWID;
INSERT INTO photo_blocks VALUES(0,'',-1,4);
INSERT INTO photo_blocks VALUES(1,-9223372036854775808,-1,4);
INSERT INTO photo_blocks VALUES(2,X'',-1,4);
INSERT INTO photo_blocks VALUES(3,-9223372036854775808,-1,4);
INSERT INTO photo_blocks VALUES(4,-9223372036854775808,-1,4);
CREATE TABLE photo_folders(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,
  n INTEGER NOT NULL DEFAULT 0);
INSERT INTO photo_folders VALUES(1,'',4);
CREATE TABLE photo_batches(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE photo_announced(key TEXT PRIMARY KEY, name TEXT NOT NULL, batch TEXT NOT NULL,
  at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE photo_state(id INTEGER PRIMARY KEY CHECK(id = 0), version INTEGER NOT NULL,
  complete INTEGER NOT NULL);
INSERT INTO photo_state VALUES(0,2,1);
CREATE TABLE job_drafts(seq INTEGER PRIMARY KEY, owner TEXT NOT NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('jobs',4);
INSERT INTO sqlite_sequence VALUES('queue',15);
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
CREATE INDEX photos_uploaded ON photos(uploaded, seq);
CREATE INDEX photos_name ON photos(sort_name, seq);
CREATE INDEX photos_taken ON photos(taken, seq);
CREATE INDEX photos_size ON photos(size, seq);
CREATE INDEX photos_folder ON photos(folder);
CREATE INDEX photos_batch ON photos(batch);
CREATE INDEX photos_content ON photos(sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX photos_unread ON photos(id) WHERE sha256 IS NULL;
CREATE TRIGGER photos_inserted AFTER INSERT ON photos BEGIN
  INSERT INTO photo_words(rowid, name) VALUES(new.id, new.name);
END;
CREATE TRIGGER photos_deleted AFTER DELETE ON photos BEGIN
  INSERT INTO photo_words(photo_words, rowid, name) VALUES('delete', old.id, old.name);
END;
CREATE INDEX photo_announced_at ON photo_announced(at);
PRAGMA writable_schema=OFF;
COMMIT;
PRAGMA user_version=4;
PRAGMA application_id=0;
