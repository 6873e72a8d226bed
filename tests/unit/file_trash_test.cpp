// The trash of images in files after deaths at every step, and with what only files can be.
#include "adapters/embedded/file_trash.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "contract/embedded_stores.hpp"

namespace classifier::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FileTrashTest : public ::testing::Test {
 protected:
  FileTrashTest() { stores_.put_object(kKey, "content"); }

  Trash& trash() { return stores_.trash(); }
  TimePoint now() { return stores_.clock().now(); }
  fs::path folder() { return stores_.folder() / "objects" / "in"; }
  fs::path file() { return folder() / kKey; }

  void put(const std::string& key = kKey) {
    ASSERT_TRUE(trash().put(key, now(), now() + days{30}));
  }
  // The files in the trash.
  std::vector<fs::path> trashed() {
    return {fs::directory_iterator(folder() / ".tmp/trash"), fs::directory_iterator()};
  }
  void sql(const std::string& text) {
    ASSERT_TRUE(stores_.database().write(Durability::kFull,
                                         [&](SqliteConnection& connection) -> Result<void> {
                                           connection.database().exec(text);
                                           return {};
                                         }));
  }
  Restored restore(const std::string& key = kKey) {
    return trash().restore({&key, 1}).value().front();
  }
  std::int64_t total() { return trash().list(1, "").value().total; }

  static constexpr const char* kKey = "uploads/a.jpg";
  EmbeddedStores stores_;
};

TEST_F(FileTrashTest, ARestoredImageIsInItsPlaceOfEveryListAgain) {
  const auto object = stores_.objects().head(Bucket::kInput, kKey).value();
  CatalogueEntry entry{
      .key = kKey,
      .name = "Ferien/a.jpg",
      .batch = "b1",
      .size = object.size,
      .last_modified = object.last_modified,
      .uploaded_at = now() - days{400},
      .etag = object.etag,
      .sha256 = std::string(64, 'a'),
      .facts = {
          .content_type = "image/jpeg", .width = 4, .height = 3, .taken_at = now() - days{800}}};
  ASSERT_TRUE(stores_.catalogue().put({&entry, 1}));
  put();
  const std::vector<std::string> keys{kKey};
  ASSERT_TRUE(stores_.catalogue().remove(keys));
  stores_.reopen();
  ASSERT_EQ(restore(), Restored::kYes);
  const auto found = stores_.catalogue().find(keys).value().at(0);
  EXPECT_EQ(found.name, entry.name);
  EXPECT_EQ(found.batch, entry.batch);
  EXPECT_EQ(found.uploaded_at, entry.uploaded_at);
  EXPECT_EQ(found.etag, entry.etag);
  EXPECT_EQ(found.sha256, entry.sha256);
  EXPECT_EQ(found.facts.taken_at, entry.facts.taken_at);
  EXPECT_EQ(found.facts.width, 4);
  EXPECT_EQ(found.facts.content_type, "image/jpeg");
  EXPECT_EQ(stores_.catalogue().folders({}, 10).value().at(0).folder, "Ferien");
}

TEST_F(FileTrashTest, AMoveThatAPowerLossTookBackIsRepeated) {
  put();
  ASSERT_THAT(trashed(), SizeIs(1));
  fs::rename(trashed()[0], file());
  stores_.reopen();
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_THAT(trashed(), SizeIs(1));
  EXPECT_EQ(restore(), Restored::kYes);
  EXPECT_TRUE(fs::exists(file()));
  EXPECT_THAT(trashed(), IsEmpty());
}

TEST_F(FileTrashTest, AnImageThatTookThePlaceOfOneThatWasNotMovedStays) {
  put();
  fs::remove(trashed()[0]);
  stores_.put_object(kKey, "another");
  stores_.reopen();
  EXPECT_TRUE(fs::exists(file()));
  EXPECT_EQ(total(), 0);
}

TEST_F(FileTrashTest, AFileThatIsGoneIsNotInTheTrash) {
  put();
  fs::remove(trashed()[0]);
  EXPECT_EQ(restore(), Restored::kMissing);
  EXPECT_EQ(total(), 0);
}

TEST_F(FileTrashTest, ARestorationWhoseEndWasNotWrittenIsFinishedOrTakenBack) {
  put();
  fs::rename(trashed()[0], file());
  EXPECT_EQ(restore(), Restored::kYes);
  EXPECT_EQ(total(), 0);
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(FileTrashTest, ATrashWhoseDatabaseIsLostIsFound) {
  const std::string odd = "uploads/\xc3\xa9 %2F/b.jpg";
  stores_.put_object(odd, "odd");
  put();
  put(odd);
  sql("DELETE FROM photo_trash");
  EXPECT_EQ(total(), 0);
  stores_.reopen();
  EXPECT_EQ(total(), 2);
  EXPECT_EQ(trash().find(odd).value().size, 3U);
  EXPECT_EQ(trash().find(odd).value().expires_at, now() + days{30});
  EXPECT_EQ(restore(odd), Restored::kYes);
  EXPECT_EQ(restore(), Restored::kYes);
  EXPECT_TRUE(fs::exists(folder() / odd));
}

TEST_F(FileTrashTest, DeletedTwiceBothAreThere) {
  put();
  stores_.clock().advance(std::chrono::seconds{1});
  stores_.put_object(kKey, "the second");
  put();
  EXPECT_EQ(total(), 2);
  EXPECT_EQ(trash().find(kKey).value().size, 10U);
  EXPECT_EQ(restore(), Restored::kYes);
  EXPECT_EQ(restore(), Restored::kTaken);
  EXPECT_EQ(fs::file_size(file()), 10U);
  EXPECT_EQ(total(), 1);
  ASSERT_TRUE(stores_.objects().remove(Bucket::kInput, kKey));
  EXPECT_EQ(restore(), Restored::kYes);
  EXPECT_EQ(fs::file_size(file()), 7U);
}

TEST_F(FileTrashTest, AFileInPlaceOfTheFolderIsNotOverwritten) {
  put();
  fs::remove(folder() / "uploads");
  std::ofstream(folder() / "uploads") << "a file";
  EXPECT_EQ(restore(), Restored::kTaken);
  EXPECT_EQ(total(), 1);
  fs::remove(folder() / "uploads");
  EXPECT_EQ(restore(), Restored::kYes);
  stores_.put_object("a/b/c.jpg", "deep");
  put("a/b/c.jpg");
  fs::remove_all(folder() / "a");
  std::ofstream(folder() / "a") << "a file";
  EXPECT_EQ(restore("a/b/c.jpg"), Restored::kTaken);
  fs::remove(folder() / "a");
  EXPECT_EQ(restore("a/b/c.jpg"), Restored::kYes);
}

TEST_F(FileTrashTest, ARelativeLinkStaysWhole) {
  fs::create_directories(folder() / "links");
  fs::create_symlink("../uploads/a.jpg", folder() / "links/b.jpg");
  put("links/b.jpg");
  EXPECT_FALSE(fs::exists(folder() / "links/b.jpg"));
  const auto reader = trash().open("links/b.jpg").value();
  EXPECT_EQ(reader->info().size, 7U);
  EXPECT_EQ(restore("links/b.jpg"), Restored::kYes);
  EXPECT_TRUE(fs::is_symlink(folder() / "links/b.jpg"));
  put("links/b.jpg");
  ASSERT_TRUE(trash().remove("links/b.jpg"));
  EXPECT_TRUE(fs::is_empty(folder() / "links"));
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(FileTrashTest, ALongKeyComesBackToo) {
  const std::string key = std::string(200, 'x') + "/" + std::string(200, 'y') + ".jpg";
  stores_.put_object(key, "long");
  put(key);
  stores_.reopen();
  EXPECT_EQ(restore(key), Restored::kYes);
  EXPECT_TRUE(fs::exists(folder() / key));
}

TEST_F(FileTrashTest, ItsFilesAreNoLeftovers) {
  put();
  fs::last_write_time(folder() / ".tmp/trash",
                      fs::file_time_type::clock::now() - std::chrono::hours{100});
  fs::last_write_time(trashed()[0], fs::file_time_type::clock::now() - std::chrono::hours{100});
  stores_.reopen();
  EXPECT_EQ(restore(), Restored::kYes);
}

TEST_F(FileTrashTest, WhatCannotBeWrittenDownIsNotMoved) {
  put();
  sql("CREATE TRIGGER full BEFORE DELETE ON photo_trash BEGIN SELECT raise(ABORT, 'full'); END");
  const std::string key = kKey;
  EXPECT_FALSE(trash().restore({&key, 1}));
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_TRUE(trash().open(kKey));
  sql("DROP TRIGGER full");
  EXPECT_EQ(restore(), Restored::kYes);
  sql("CREATE TRIGGER full BEFORE INSERT ON photo_trash BEGIN SELECT raise(ABORT, 'full'); END");
  EXPECT_FALSE(trash().put(kKey, now(), now() + days{30}));
  EXPECT_TRUE(fs::exists(file()));
  EXPECT_EQ(total(), 0);
}

TEST_F(FileTrashTest, ATokenOfAnotherListIsRefused) {
  for (const char* token : {"x", "1", "1-", "-1-", "1-2x", "99999999999999999999-1"})
    EXPECT_EQ(trash().list(1, token).error().code, ErrorCode::kInvalidArgument) << token;
}

}  // namespace
}  // namespace classifier::testing
