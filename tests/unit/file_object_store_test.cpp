// Faults of the file system under the embedded object store.
#include "adapters/embedded/file_object_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "support/temp_dir.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

class FileObjectStoreFaults : public ::testing::Test {
 protected:
  FileObjectStoreFaults() {
    auto urls = UploadUrls::open(dir_.path() / "secret");
    store_ = FileObjectStore::open(dir_.path(), "in", "out", std::move(*urls)).value();
  }

  bool temporary_files_are_left() const {
    return !fs::is_empty(dir_.path() / "in/.tmp") || !fs::is_empty(dir_.path() / "out/.tmp");
  }

  // A file that exists and cannot be read, whoever runs the test: root may read everything, but not
  // follow a link to itself.
  void make_unreadable(const std::string& key) const {
    fs::create_symlink(fs::path(key).filename(), dir_.path() / "in" / key);
  }

  TempDir dir_;
  std::unique_ptr<FileObjectStore> store_;
};

TEST_F(FileObjectStoreFaults, UnreadableIsNotMissing) {
  make_unreadable("a.jpg");
  const auto head = store_->head(Bucket::kInput, "a.jpg");
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::kUnavailable) << head.error().message;
  EXPECT_EQ(store_->get(Bucket::kInput, "a.jpg", 1'000).error().code, ErrorCode::kUnavailable);
  const auto copied = store_->copy_to_output("a.jpg/b.jpg", "job/dog/a.jpg");
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, ErrorCode::kUnavailable) << copied.error().message;
  const auto page = store_->list(Bucket::kInput, "", "", 10);
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kUnavailable) << page.error().message;
}

TEST_F(FileObjectStoreFaults, BelowAFileNothingExists) {
  std::ofstream(dir_.path() / "in/a.jpg") << "bytes";
  EXPECT_EQ(store_->head(Bucket::kInput, "a.jpg/b").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->copy_to_output("a.jpg/b", "job/dog/b").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(temporary_files_are_left());
}

// The parent process must keep its limits, so this runs in a child.
[[noreturn]] void copy_with_full_disk(FileObjectStore& store) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4'096, 4'096};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto copied = store.copy_to_output("large.jpg", "job/dog/large.jpg");
  std::_Exit(copied ? 1 : 0);
}

TEST_F(FileObjectStoreFaults, FailedCopyLeavesNoTemporaryFile) {
  // On another file system, so that no link can be made.
  std::string other = "/dev/shm/classifier-test-XXXXXX";
  if (::mkdtemp(other.data()) == nullptr) GTEST_SKIP() << "no second file system to write to";
  struct stat here{};
  struct stat there{};
  ASSERT_EQ(::stat(dir_.path().c_str(), &here), 0);
  ASSERT_EQ(::stat(other.c_str(), &there), 0);
  const std::unique_ptr<std::string, void (*)(std::string*)> cleanup(
      &other, [](std::string* path) { fs::remove_all(*path); });
  if (here.st_dev == there.st_dev) GTEST_SKIP() << "/dev/shm is no other file system";
  fs::remove_all(dir_.path() / "in");
  fs::create_directory_symlink(other, dir_.path() / "in");
  fs::create_directory(fs::path(other) / ".tmp");
  std::ofstream(fs::path(other) / "large.jpg") << std::string(100'000, 'x');
  EXPECT_EXIT(copy_with_full_disk(*store_), ::testing::ExitedWithCode(0), "");
  EXPECT_FALSE(temporary_files_are_left());
  // Without the limit the same copy is made.
  ASSERT_TRUE(store_->copy_to_output("large.jpg", "job/dog/large.jpg"));
  EXPECT_EQ(fs::file_size(dir_.path() / "out/job/dog/large.jpg"), 100'000U);
  EXPECT_FALSE(temporary_files_are_left());
}

}  // namespace
}  // namespace classifier
