// API keys, the key file, and the audit log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/access/audit_log.hpp"
#include "adapters/access/key_file.hpp"
#include "adapters/access/key_ring.hpp"
#include "support/files.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST(ApiKeyText, PlainKeyIsAnAdminsAndThreePartsAreNameRoleAndSecret) {
  EXPECT_EQ(parse_api_key("secret", 2)->name, "key-2");
  EXPECT_EQ(parse_api_key("secret", 2)->role, Role::kAdmin);
  EXPECT_EQ(parse_api_key("user:secret", 1)->secret, "user:secret");
  const auto named = parse_api_key("ci:read:se:cret", 1);
  EXPECT_EQ(named->name, "ci");
  EXPECT_EQ(named->role, Role::kRead);
  EXPECT_EQ(named->secret, "se:cret");
  // A misspelt role must not lead to an admin's key.
  for (const char* const bad : {"", "ci:reed:secret", "ci:read:", ":read:secret", "c i:read:x"})
    EXPECT_FALSE(parse_api_key(bad, 1)) << bad;
}

class KeysTest : public ::testing::Test {
 protected:
  std::string add(const std::string& name, Role role, std::optional<TimePoint> expires = {}) {
    const ApiKey key{.name = name, .role = role, .secret = make_secret()};
    auto file = KeyFileEditor::open(file_);
    EXPECT_TRUE(file->add(store_key(key, clock_.now(), expires), clock_.now()));
    EXPECT_TRUE(file->save());
    return key.secret;
  }
  std::unique_ptr<KeyRing> open(std::vector<ApiKey> keys = {}, bool expected = false) {
    KeyRingOptions options;
    options.keys = std::move(keys);
    options.file = file_;
    options.file_is_expected = expected;
    options.check_every = 0ms;
    options.on_change = [this](const std::string& what, bool well) {
      changes_.push_back((well ? "+ " : "- ") + what);
    };
    auto ring = KeyRing::open(std::move(options), clock_);
    EXPECT_TRUE(ring);
    return ring ? std::move(*ring) : nullptr;
  }

  testing::TempDir folder_;
  fs::path file_ = folder_.path() / "keys/api-keys.json";
  testing::ManualClock clock_;
  std::vector<std::string> changes_;
};

TEST_F(KeysTest, TheFileContainsNoKeyAndOnlyItsOwnerCanReadIt) {
  const std::string secret = add("ci", Role::kWrite);
  EXPECT_THAT(secret, SizeIs(68));
  EXPECT_NE(secret, make_secret());
  const std::string content = read_file(file_).value();
  EXPECT_THAT(content, Not(HasSubstr(secret)));
  EXPECT_THAT(content, Not(HasSubstr(secret.substr(4))));
  struct stat info{};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  // Because of the salt, the same key has different hashes.
  const ApiKey key{.name = "a", .role = Role::kRead, .secret = secret};
  EXPECT_NE(store_key(key, clock_.now(), {}).hash, store_key(key, clock_.now(), {}).hash);
}

TEST_F(KeysTest, KeysAreFoundWithTheirRoles) {
  const std::string reader = add("reader", Role::kRead);
  const std::string writer = add("writer", Role::kWrite);
  const auto ring = open({{.name = "boss", .role = Role::kAdmin, .secret = "configured"}});
  EXPECT_TRUE(ring->in_force());
  EXPECT_EQ(ring->find(reader)->role, Role::kRead);
  EXPECT_EQ(ring->find(writer)->name, "writer");
  EXPECT_EQ(ring->find("configured")->name, "boss");
  for (const std::string& wrong : {std::string(), std::string("x"), reader + "0", reader.substr(1),
                                   std::string(1 << 16, 'a')}) {
    EXPECT_EQ(ring->find(wrong).error().code, ErrorCode::kUnauthorized);
  }
}

TEST_F(KeysTest, ChangesApplyWithoutARestart) {
  const auto ring = open();
  EXPECT_FALSE(ring->in_force());
  const std::string first = add("one", Role::kRead);
  EXPECT_TRUE(ring->in_force());
  EXPECT_TRUE(ring->find(first));
  {
    auto file = KeyFileEditor::open(file_);
    ASSERT_TRUE(file->remove("one"));
    ASSERT_TRUE(file->save());
  }
  EXPECT_FALSE(ring->find(first));
  EXPECT_TRUE(ring->in_force()) << "the last key was removed, and that opened the door";
  EXPECT_THAT(changes_, SizeIs(2));
}

TEST_F(KeysTest, ADamagedOrMissingFileKeepsTheKeysInForce) {
  const std::string secret = add("one", Role::kRead);
  const auto ring = open();
  std::ofstream(file_) << "{\"version\": 1, \"keys\": [{\"name\"";
  EXPECT_TRUE(ring->find(secret)) << "what was read last stays in force";
  EXPECT_FALSE(ring->find("other"));
  ASSERT_THAT(changes_, SizeIs(1));
  EXPECT_THAT(changes_[0], HasSubstr("stay as they were"));
  fs::remove(file_);
  EXPECT_TRUE(ring->in_force());
  EXPECT_TRUE(ring->find(secret));
}

TEST_F(KeysTest, AnExpectedFileThatIsMissingAllowsNoRequest) {
  const auto ring = open({}, true);
  EXPECT_TRUE(ring->in_force());
  EXPECT_FALSE(ring->find(""));
  EXPECT_TRUE(ring->find(add("one", Role::kRead)));
}

TEST_F(KeysTest, KeysExpire) {
  const std::string secret = add("short", Role::kRead, clock_.now() + 10s);
  const auto ring = open();
  EXPECT_TRUE(ring->find(secret));
  clock_.advance(10s);
  EXPECT_THAT(ring->find(secret).error().message, HasSubstr("expired"));
}

TEST_F(KeysTest, RotationKeepsTheOldKeyForTheGivenTime) {
  const std::string old = add("ci", Role::kWrite);
  const auto ring = open();
  const auto rotate = [&](std::optional<TimePoint> until) {
    const ApiKey key{.name = "ci", .role = Role::kWrite, .secret = make_secret()};
    auto file = KeyFileEditor::open(file_);
    EXPECT_TRUE(file->replace(store_key(key, clock_.now(), {}), until, clock_.now()));
    EXPECT_TRUE(file->save());
    return key.secret;
  };
  const std::string next = rotate(clock_.now() + 1h);
  EXPECT_TRUE(ring->find(old));
  EXPECT_TRUE(ring->find(next));
  clock_.advance(1h);
  EXPECT_FALSE(ring->find(old));
  EXPECT_TRUE(ring->find(next));
  const std::string last = rotate(std::nullopt);
  EXPECT_FALSE(ring->find(next));
  EXPECT_TRUE(ring->find(last));
  EXPECT_THAT(*read_key_file(file_), SizeIs(1));
}

TEST_F(KeysTest, NamesAreUniqueAndUnknownNamesAreErrors) {
  add("ci", Role::kRead);
  auto file = KeyFileEditor::open(file_);
  const StoredKey again = store_key({.name = "ci", .role = Role::kRead, .secret = "x"}, {}, {});
  EXPECT_EQ(file->add(again, clock_.now()).error().code, ErrorCode::kConflict);
  EXPECT_EQ(file->remove("none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(file->role_of("none").error().code, ErrorCode::kNotFound);
}

TEST_F(KeysTest, EditorsExcludeOneAnother) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([this, i] { add("key-" + std::to_string(i), Role::kRead); });
  threads.clear();
  EXPECT_THAT(*read_key_file(file_), SizeIs(8));
}

TEST_F(KeysTest, ErrorsNameTheFile) {
  fs::create_directories(file_.parent_path());
  const std::string whole =
      R"({"version":1,"keys":[{"name":"a","role":"read","salt":"s","created":"2026-01-01T00:00:00Z",)"
      R"("hash":")" +
      std::string(64, '0') + "\"}]}";
  const auto write = [&](const std::string& text) { std::ofstream(file_) << text; };
  write(whole);
  fs::permissions(file_, fs::perms(0600));
  EXPECT_TRUE(read_key_file(file_));
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string(R"({"version":2,"keys":[]})"),
        std::string(R"({"version":1})"), std::string(R"({"version":1,"keys":[{}]})"),
        std::string(R"({"version":1,"keys":["a"]})"),
        std::string(whole).replace(whole.find("read"), 4, "root")}) {
    write(bad);
    const auto read = read_key_file(file_);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument) << bad;
    EXPECT_THAT(read.error().message, HasSubstr(file_.string()));
    EXPECT_FALSE(KeyFileEditor::open(file_)) << "an editor would overwrite it";
  }
  write(whole);
  fs::permissions(file_, fs::perms(0620));
  EXPECT_EQ(read_key_file(file_).error().code, ErrorCode::kForbidden);
}

TEST_F(KeysTest, TheAuditLogHasALineForEachEventAlsoAfterRotation) {
  const fs::path file = folder_.path() / "audit.log";
  const AuditLog log(file);
  ASSERT_TRUE(log.check());
  AuditEvent event;
  event.action = "image.delete";
  event.key = "ci";
  event.address = "192.0.2.1";
  event.target = "uploads/a\n\xFF.jpg";
  event.status = 200;
  log.write(event);
  fs::rename(file, folder_.path() / "old.log");
  log.write(event);
  const std::string line = read_file(file).value();
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  const auto read = nlohmann::json::parse(line);
  EXPECT_EQ(read["action"], "image.delete");
  EXPECT_EQ(read["key"], "ci");
  EXPECT_EQ(read["time"], "1970-01-01T00:00:00.000Z");
  EXPECT_THAT(AuditLog(folder_.path() / "none/audit.log").check().error().message,
              HasSubstr("AUDIT_LOG"));
}

}  // namespace
}  // namespace classifier
