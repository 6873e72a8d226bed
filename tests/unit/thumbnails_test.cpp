// Thumbnails that are kept on disk, and made before they are asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "contract/embedded_stores.hpp"
#include "domain/text.hpp"
#include "services/image_service.hpp"
#include "services/thumbnail_maker.hpp"
#include "services/trash_service.hpp"
#include "support/disk_cache.hpp"

namespace classifier {
namespace {

using namespace std::chrono_literals;

class ThumbnailsTest : public ::testing::Test {
 protected:
  ImageService service(DiskCache* cache) {
    return {stores_.objects(),
            stores_.clock(),
            [this](std::span<const std::byte> image, int size) -> Result<std::string> {
              ++made_;
              if (in_between_) in_between_();
              const std::string content(reinterpret_cast<const char*>(image.data()), image.size());
              if (content == "no image")
                return fail(ErrorCode::kUndecodable, "the image is broken");
              return content + " of " + std::to_string(size);
            },
            1'000,
            memory_,
            {.cache = cache,
             .content_hash =
                 [this](std::string_view key, std::string_view etag) {
                   const auto found = hashes_.find(std::string(key) + " " + std::string(etag));
                   return found == hashes_.end() ? std::nullopt : std::optional(found->second);
                 }},
            nullptr,
            nullptr,
            &stores_.trash()};
  }
  // Puts the image, whose content is known.
  void put_known(const std::string& key, const std::string& content) {
    stores_.put_object(key, content);
    hashes_[key + " " + stores_.objects().head(Bucket::kInput, key)->etag] = sha256_hex(content);
  }
  // Waits for what a thread does.
  template <class Condition>
  static bool soon(Condition condition) {
    for (int i = 0; i < 1'000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  }

  testing::EmbeddedStores stores_;
  MemoryBudget memory_{1'000'000};
  testing::TempDir temp_;
  DiskCache cache_{temp_.path() / "thumbnails", 1 << 20};
  std::map<std::string, std::string> hashes_;  // by key and ETag
  std::function<void()> in_between_;           // called while a thumbnail is made
  std::atomic<int> made_ = 0;
};

TEST_F(ThumbnailsTest, AreMadeOnceForEachSize) {
  stores_.put_object("a.jpg", "cat");
  ImageService first = service(&cache_);
  const auto made = first.thumbnail("a.jpg", 96);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->bytes, "cat of 96");
  EXPECT_EQ(made->etag, stores_.objects().head(Bucket::kInput, "a.jpg")->etag + "-96");
  ImageService second = service(&cache_);  // as after a restart
  EXPECT_EQ(second.thumbnail("a.jpg", 96)->bytes, made->bytes);
  EXPECT_EQ(second.thumbnail("a.jpg", 96)->etag, made->etag);
  EXPECT_EQ(second.thumbnail_etag("a.jpg", 96), made->etag);
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(second.thumbnail("a.jpg", 97)->bytes, "cat of 97");
  EXPECT_EQ(made_, 2);
}

TEST_F(ThumbnailsTest, WithoutACacheAreMadeEachTime) {
  stores_.put_object("a.jpg", "cat");
  ImageService images = service(nullptr);
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  EXPECT_EQ(made_, 2);
  EXPECT_TRUE(images.remove("a.jpg"));
  EXPECT_EQ(images.remove("a.jpg").error().code, ErrorCode::kNotFound);
}

TEST_F(ThumbnailsTest, OfAReplacedImageAreNew) {
  ImageService images = service(&cache_);
  stores_.put_object("a.jpg", "cat");
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  stores_.put_object("a.jpg", "dog");
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "dog of 96");
}

TEST_F(ThumbnailsTest, OfTheSameContentAreShared) {
  ImageService images = service(&cache_);
  put_known("a.jpg", "cat");
  put_known("b.jpg", "cat");
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  const auto other = images.thumbnail("b.jpg", 96);
  EXPECT_EQ(other->bytes, "cat of 96");
  EXPECT_EQ(other->etag, stores_.objects().head(Bucket::kInput, "b.jpg")->etag + "-96");
  EXPECT_EQ(made_, 1);
  // Another image with that content still has it.
  EXPECT_TRUE(images.remove("a.jpg"));
  EXPECT_EQ(images.thumbnail("b.jpg", 96)->bytes, "cat of 96");
  EXPECT_EQ(made_, 1);
}

TEST_F(ThumbnailsTest, OfDeletedImagesAreNotServed) {
  ImageService images = service(&cache_);
  put_known("known.jpg", "cat");
  stores_.put_object("unknown.jpg", "dog");
  cache_.settle();
  for (const char* key : {"known.jpg", "unknown.jpg"}) {
    ASSERT_TRUE(images.thumbnail(key, 96));
    EXPECT_TRUE(images.remove(key));
    EXPECT_EQ(images.thumbnail(key, 96).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(images.remove(key).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(cache_.size(), 64 + std::string("cat of 96").size());  // that of the known content
  stores_.put_object("unknown.jpg", "bird");
  EXPECT_EQ(images.thumbnail("unknown.jpg", 96)->bytes, "bird of 96");
}

// Otherwise the content that the name stands for would have the thumbnail of another.
TEST_F(ThumbnailsTest, OfAnImageThatIsReplacedMeanwhileAreNotKept) {
  ImageService images = service(&cache_);
  put_known("a.jpg", "cat");
  in_between_ = [this] { stores_.put_object("a.jpg", "dog"); };
  EXPECT_TRUE(images.thumbnail("a.jpg", 96));
  in_between_ = nullptr;
  EXPECT_EQ(cache_.find(sha256_hex("cat") + "-96"), std::nullopt);
}

TEST_F(ThumbnailsTest, DamagedOnesAreMadeAgain) {
  ImageService images = service(&cache_);
  put_known("a.jpg", "cat");
  ASSERT_TRUE(images.thumbnail("a.jpg", 96));
  const std::string name = sha256_hex("cat") + "-96";
  std::ofstream(temp_.path() / "thumbnails" / name.substr(0, 2) / name, std::ios::app) << "x";
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  EXPECT_EQ(made_, 2);
  EXPECT_EQ(images.thumbnail("a.jpg", 96)->bytes, "cat of 96");
  EXPECT_EQ(made_, 2);
}

TEST_F(ThumbnailsTest, ThoseOfTheTrashAreKeptUntilItIsEmptied) {
  using enum ImageService::Place;
  ImageService images = service(&cache_);
  TrashService trash(stores_.trash(), images, stores_.clock(), std::chrono::days{30});
  stores_.put_object("a.jpg", "cat");
  const auto before = images.thumbnail("a.jpg", 96).value();
  const auto expires_at = trash.put("a.jpg").value();
  EXPECT_EQ(expires_at, stores_.clock().now() + std::chrono::days{30});
  EXPECT_EQ(images.thumbnail("a.jpg", 96).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(images.thumbnail("b.jpg", 96, kTrash).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(images.thumbnail("a.jpg", 8, kTrash).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(images.thumbnail("a.jpg", 96, kTrash)->etag, before.etag);
  EXPECT_EQ(images.thumbnail("a.jpg", 96, kTrash)->bytes, before.bytes);
  EXPECT_EQ(made_, 1) << "it was kept";
  EXPECT_EQ(images.thumbnail("a.jpg", 32, kTrash)->bytes, "cat of 32");
  EXPECT_EQ(trash.remove_expired().value(), 0U);
  stores_.clock().advance(std::chrono::days{30} - 1ms);
  EXPECT_EQ(trash.remove_expired().value(), 0U);
  stores_.clock().advance(1ms);
  EXPECT_EQ(trash.remove_expired().value(), 1U);
  EXPECT_EQ(images.thumbnail("a.jpg", 96, kTrash).error().code, ErrorCode::kNotFound);
  std::size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(temp_.path()))
    files += file.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 0U) << "its thumbnails are gone, too";
}

TEST_F(ThumbnailsTest, WithoutATrashNothingIsDeleted) {
  ImageService images = service(&cache_);
  TrashService none(stores_.trash(), images, stores_.clock(), std::chrono::days{0});
  stores_.put_object("a.jpg", "cat");
  EXPECT_EQ(none.put("a.jpg").error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(stores_.objects().head(Bucket::kInput, "a.jpg"));
  TrashService trash(stores_.trash(), images, stores_.clock(), std::chrono::days{30});
  stores_.put_object("no.txt", "text");
  EXPECT_EQ(trash.put("no.txt").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(stores_.objects().head(Bucket::kInput, "no.txt"));
}

TEST_F(ThumbnailsTest, MoreThanAPieceIsEmptied) {
  ImageService images = service(&cache_);
  TrashService trash(stores_.trash(), images, stores_.clock(), std::chrono::days{30});
  for (int i = 0; i < 260; ++i) {
    stores_.put_object(std::to_string(i) + ".jpg", "cat");
    ASSERT_TRUE(trash.put(std::to_string(i) + ".jpg"));
  }
  EXPECT_EQ(trash.empty().value(), 260U);
  EXPECT_EQ(trash.list(10, "")->total, 0);
}

TEST_F(ThumbnailsTest, ErrorsAreNotKept) {
  ImageService images = service(&cache_);
  stores_.put_object("a.jpg", "no image");
  EXPECT_FALSE(images.thumbnail("a.jpg", 96));
  EXPECT_FALSE(images.thumbnail("a.jpg", 96));
  EXPECT_EQ(made_, 2);
}

TEST_F(ThumbnailsTest, AreMadeInAdvanceWhileNothingElseIsDone) {
  ImageService images = service(&cache_);
  stores_.put_object("a.jpg", "cat");
  stores_.put_object("b.jpg", "no image");
  stores_.put_object("c.jpg", "dog");
  std::atomic<bool> idle = false;
  std::atomic<int> asked = 0;
  ThumbnailMaker maker(images, [&] { return ++asked, idle.load(); }, 10, 1ms);
  maker.start();
  for (const char* key : {"a.jpg", "b.jpg", "missing.jpg", "c.jpg"}) maker.offer(key);
  EXPECT_TRUE(soon([&] { return asked > 5; }));
  EXPECT_EQ(made_, 0);
  idle = true;
  const int all = 2 * static_cast<int>(kPageThumbnails.size()) + 1;
  EXPECT_TRUE(soon([&] { return made_ == all; }));
  maker.stop();
  EXPECT_EQ(images.thumbnail("c.jpg", kPageThumbnails.back())->bytes, "dog of 96");
  EXPECT_EQ(made_, all);
}

TEST_F(ThumbnailsTest, TooManyToMakeInAdvanceAreDropped) {
  ImageService images = service(&cache_);
  ThumbnailMaker maker(images, [] { return true; }, 2, 1ms);
  for (const char* key : {"a.jpg", "b.jpg", "c.jpg"}) {
    stores_.put_object(key, key);
    maker.offer(key);
  }
  maker.start();
  EXPECT_TRUE(soon([&] { return made_ == 8; }));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(made_, 8);
}

TEST_F(ThumbnailsTest, OfASlowImageOnlyTheFirstIsMadeInAdvance) {
  ImageService images = service(&cache_);
  stores_.put_object("slow.jpg", "cat");
  stores_.put_object("fast.jpg", "dog");
  in_between_ = [this] {
    if (made_ == 1) std::this_thread::sleep_for(1'100ms);
  };
  ThumbnailMaker maker(images, [] { return true; });
  maker.start();
  maker.offer("slow.jpg");
  maker.offer("fast.jpg");
  EXPECT_TRUE(soon([&] { return made_ == 5; }));
  maker.stop();
  EXPECT_EQ(images.thumbnail("fast.jpg", kPageThumbnails.back())->bytes, "dog of 96");
  EXPECT_EQ(made_, 5);
}

TEST_F(ThumbnailsTest, AMakerThatWaitsStopsAtOnce) {
  ImageService images = service(&cache_);
  stores_.put_object("a.jpg", "cat");
  std::atomic<int> asked = 0;
  ThumbnailMaker maker(images, [&] { return ++asked, false; }, 10, 1h);
  maker.start();
  maker.offer("a.jpg");
  EXPECT_TRUE(soon([&] { return asked > 0; }));
  maker.stop();
  maker.stop();
  ThumbnailMaker without_work(images, [] { return true; });
  without_work.start();
  EXPECT_EQ(made_, 0);
}

}  // namespace
}  // namespace classifier
