// What was seen is recalled for the same content, and a store that fails costs time only.
#include "services/image_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "domain/text.hpp"
#include "services/alike.hpp"
#include "services/pipeline.hpp"
#include "support/labelling_classifier.hpp"

namespace classifier::testing {
namespace {

using ::testing::Each;

// In memory; fails while it is told to.
class MapStore final : public EmbeddingStore {
 public:
  Result<std::vector<std::optional<SeenImage>>> get(
      std::string_view model, std::span<const std::string> contents) override {
    const std::scoped_lock lock(mutex_);
    ++gets;
    if (fails) return fail(ErrorCode::kUnavailable, "not now");
    std::vector<std::optional<SeenImage>> answer;
    for (const auto& content : contents) {
      const auto found = images_.find({std::string(model), content});
      answer.push_back(found == images_.end() ? std::nullopt : std::optional(found->second));
    }
    return answer;
  }
  Result<std::vector<bool>> has(std::string_view model,
                                std::span<const std::string> contents) override {
    const auto found = get(model, contents);
    if (!found) return std::unexpected(found.error());
    std::vector<bool> answer;
    for (const auto& image : *found) answer.push_back(image.has_value());
    return answer;
  }
  Result<void> put(std::string_view model, std::span<const Remembered> images) override {
    const std::scoped_lock lock(mutex_);
    if (fails) return fail(ErrorCode::kExhausted, "the disk is full");
    for (const auto& [sha256, seen] : images) images_.emplace(std::pair(model, sha256), seen);
    return {};
  }
  Result<void> forget(std::span<const std::string> /*contents*/) override { return {}; }

  std::atomic<bool> fails{false};
  std::atomic<int> gets{0};

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, SeenImage> images_;  // guarded by mutex_
};

// The contents of some keys, and their versions.
class KnownHashes final : public ContentHashes {
 public:
  Result<std::vector<std::optional<KnownContent>>> find(
      std::span<const std::string> keys) override {
    if (fails) return fail(ErrorCode::kUnavailable, "not now");
    std::vector<std::optional<KnownContent>> answer;
    const std::scoped_lock lock(mutex_);
    for (const auto& key : keys) {
      const auto found = known.find(key);
      answer.push_back(found == known.end() ? std::nullopt : std::optional(found->second));
    }
    return answer;
  }
  Result<bool> is_current(const std::string& key, const std::string& version) override {
    const std::scoped_lock lock(mutex_);
    const auto found = known.find(key);
    return found != known.end() && found->second.version == version;
  }
  Result<void> put(std::span<const FoundContent> found) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, content] : found) known[key] = content;
    return {};
  }
  Result<std::optional<std::string>> forget(const std::string& /*key*/) override {
    return std::nullopt;
  }

  std::atomic<bool> fails{false};
  std::map<std::string, KnownContent> known;

 private:
  std::mutex mutex_;
};

class CountingClassifier final : public LabellingClassifier {
 public:
  Result<std::string> fingerprint(const std::string& model) override { return model + " 1"; }
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    ++prepared;
    return LabellingClassifier::prepare(bytes, spec);
  }
  std::atomic<int> prepared{0};
};

class ImageMemoryTest : public ::testing::Test {
 protected:
  struct Answers {
    std::map<std::string, std::string> labels;  // by key; of those that failed the error
    int reused = 0;
    std::map<std::string, std::string> warnings;
  };

  // Classifies the images, by key.
  Answers classify(const std::map<std::string, std::string>& images,
                   Pipeline::Source source = Pipeline::Source::kStore) {
    Answers answers;
    std::mutex mutex;
    const auto spec = std::make_shared<const JobSpec>(
        JobSpec{.type = JobType::kImageClassification, .model = "labelling", .custom_labels = {}});
    PipelineOptions options;
    options.image_memory = &memory_;
    Pipeline pipeline(
        classifier_, metrics_, options,
        [&](const Delivery& delivery) -> Result<FetchedImage> {
          ++fetched_;
          const auto bytes = std::as_bytes(std::span(images.at(delivery.task.s3_key)));
          FetchedImage image(std::vector<std::byte>(bytes.begin(), bytes.end()));
          image.version = version_;
          return image;
        },
        [&](const PipelineResult& result) {
          const std::scoped_lock lock(mutex);
          const auto* const error = std::get_if<Error>(&result.result);
          answers.labels[result.delivery.task.s3_key] =
              error != nullptr ? error->message
                               : std::get<Predictions>(result.result).front().label;
          answers.warnings[result.delivery.task.s3_key] = result.warning;
          answers.reused += result.reused ? 1 : 0;
        });
    for (const auto& [key, content] : images) {
      Delivery delivery;
      delivery.task.spec = spec;
      delivery.task.s3_key = key;
      pipeline.push(std::move(delivery), source);
    }
    pipeline.finish();
    return answers;
  }

  CountingClassifier classifier_;
  MapStore store_;
  KnownHashes hashes_;
  NoMetrics metrics_;
  ImageMemory memory_{classifier_, store_, &hashes_};
  std::atomic<int> fetched_{0};
  std::string version_;  // of what is fetched
};

TEST_F(ImageMemoryTest, ContentsAreSeenOnce) {
  const std::map<std::string, std::string> images{
      {"a", "cat"}, {"b", "dog"}, {"c", "torn"}, {"d", "broken"}};
  const Answers first = classify(images);
  EXPECT_EQ(first.reused, 0);
  EXPECT_EQ(first.labels.at("a"), "cat");
  EXPECT_EQ(classifier_.prepared, 4);
  const Answers again = classify(images);
  // What failed is tried again, and fails with the same words.
  EXPECT_EQ(again.reused, 3);
  EXPECT_EQ(classifier_.prepared, 5);
  EXPECT_EQ(again.labels, first.labels);
  EXPECT_EQ(again.warnings, first.warnings);
  EXPECT_EQ(again.warnings.at("c"), "half of the image is missing");
  // Another key with the same content.
  EXPECT_EQ(classify({{"e", "cat"}}).reused, 1);
  EXPECT_EQ(classifier_.prepared, 5);
}

TEST_F(ImageMemoryTest, WhatIsKnownByItsKeyIsNotEvenFetched) {
  version_ = "1";
  ASSERT_EQ(classify({{"a", "cat"}}).reused, 0);
  memory_.flush();
  EXPECT_EQ(hashes_.known["a"], (KnownContent{.sha256 = sha256_hex("cat"), .version = "1"}));
  fetched_ = 0;
  EXPECT_EQ(classify({{"a", "what is there now is of another version"}}).labels.at("a"), "cat");
  EXPECT_EQ(fetched_, 0);
  // Another version, whose content is not known.
  hashes_.known.clear();
  version_ = "2";
  EXPECT_EQ(classify({{"a", "dog"}}).labels.at("a"), "dog");
  EXPECT_EQ(fetched_, 1);
  // A caller's image of the same name is another one.
  EXPECT_EQ(classify({{"a", "bird"}}, Pipeline::Source::kCaller).labels.at("a"), "bird");
  EXPECT_EQ(classify({{"a", "bird"}}, Pipeline::Source::kCaller).reused, 1);
}

TEST_F(ImageMemoryTest, AContentThatChangesBeforeItIsReadIsNotRememberedAsTheOther) {
  const KnownContent before{.sha256 = sha256_hex("cat"), .version = "1"};
  hashes_.known["a"] = {.sha256 = sha256_hex("dog"), .version = "2"};
  const auto bytes = std::as_bytes(std::span(std::string_view("dog")));
  EXPECT_EQ(memory_.content_of("a", before, bytes), sha256_hex("dog"));
  hashes_.known["a"] = before;
  EXPECT_EQ(memory_.content_of("a", before, bytes), sha256_hex("cat"));  // still that version
  // The version of the bytes themselves says it without another look.
  EXPECT_EQ(memory_.content_of("a", before, bytes, "1"), sha256_hex("cat"));
  EXPECT_EQ(memory_.content_of("a", before, bytes, "2"), sha256_hex("dog"));
}

TEST_F(ImageMemoryTest, AStoreThatFailsCostsTimeOnly) {
  store_.fails = true;
  hashes_.fails = true;
  for (int round = 0; round < 3; ++round) {
    const Answers answers = classify({{"a", "cat"}, {"b", "dog"}, {"c", "bird"}});
    EXPECT_EQ(answers.labels.at("a"), "cat");
    EXPECT_EQ(answers.labels.at("c"), "bird");
    memory_.flush();
  }
  store_.fails = false;
  hashes_.fails = false;
  classify({{"a", "cat"}});
  EXPECT_EQ(classify({{"a", "cat"}}).reused, 1);
}

TEST_F(ImageMemoryTest, IsRecalledAtOnceAndStoredSoon) {
  SeenImage seen;
  seen.vector = {1, 2};
  memory_.remember("model", "content", seen);
  const std::vector<std::string> contents{"other", "content"};
  const auto recalled = memory_.recall("model", contents);
  EXPECT_FALSE(recalled[0]);
  EXPECT_EQ(recalled[1], seen);
  EXPECT_THAT(memory_.recall("another model", contents), Each(std::nullopt));
  memory_.flush();
  EXPECT_EQ(store_.get("model", contents).value()[1], seen);
  EXPECT_EQ(memory_.recall("model", contents)[1], seen);
}

// More than may wait, from several threads.
TEST_F(ImageMemoryTest, TakesAnyNumberOfImages) {
  constexpr int kThreads = 4;
  constexpr int kImages = 3'000;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kImages; ++i) {
          SeenImage seen;
          seen.vector = {static_cast<float>(thread), static_cast<float>(i)};
          memory_.remember("model", std::to_string(thread * kImages + i), seen);
          if (i % 1'000 == 0) memory_.flush();
        }
      });
    }
  }
  memory_.flush();
  std::vector<std::string> contents;
  for (int i = 0; i < kThreads * kImages; ++i) contents.push_back(std::to_string(i));
  EXPECT_THAT(store_.has("model", contents).value(), Each(true));
}

// A picture of a gradient with a bright spot.
Look picture(int spot, int brightness = 0) {
  Look look;
  for (int i = 0; i < 256; ++i)
    look.brightness[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(std::clamp(i / 4 + brightness + (i == spot ? 90 : 0), 0, 255));
  return look;
}

TEST(Alike, PicturesAreToldApartByTheirLooks) {
  EXPECT_NEAR(correlation(picture(3), picture(3)), 1, 1e-5);
  EXPECT_NEAR(correlation(picture(3), picture(3, 40)), 1, 1e-5);  // brighter
  Look turned = picture(3);
  std::ranges::reverse(turned.brightness);
  EXPECT_LT(correlation(picture(3), turned), 0);
  const Look black;
  Look grey;
  grey.brightness.fill(100);
  Look nearly_grey = grey;
  nearly_grey.brightness[7] = 103;
  EXPECT_EQ(correlation(grey, nearly_grey), 1);
  EXPECT_EQ(correlation(grey, black), 0);
  EXPECT_EQ(correlation(grey, picture(3)), 0);
  // Both the model and the pixels must say so, and one of them clearly.
  EXPECT_FALSE(same_picture(0.99F, picture(3), turned, 0.95F));
  EXPECT_FALSE(same_picture(0.85F, picture(3), picture(3), 0.95F));
  EXPECT_FLOAT_EQ(same_picture(0.91F, picture(3), picture(3), 0.95F).value(), 1);
  EXPECT_FLOAT_EQ(same_picture(0.97F, picture(3), picture(3), 0.95F).value(), 1);
}

TEST(Alike, TheBestOfAGroupIsFirst) {
  const std::vector<Picture> pictures{
      {.pixels = 100, .bytes = 50, .sharpness = 10, .files = 1},   // small
      {.pixels = 400, .bytes = 90, .sharpness = 10, .files = 1},   // compressed
      {.pixels = 400, .bytes = 200, .sharpness = 9, .files = 2},   // the one to keep
      {.pixels = 400, .bytes = 300, .sharpness = 2, .files = 1},   // blurred
      {.pixels = 900, .bytes = 900, .sharpness = 10, .files = 1},  // like none of them
      {.pixels = 900, .bytes = 900, .sharpness = 10, .files = 3},  // three times
      {.pixels = 900, .bytes = 900, .sharpness = 10, .files = 0},  // gone
  };
  std::vector<AlikePair> pairs;
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = a + 1; b < 4; ++b) pairs.push_back({a, b, 0.96F});
  }
  pairs.push_back({6, 4, 0.99F});
  const auto groups = group_alike(pictures, pairs);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].why, Kept::kFirst);  // copies of it take most bytes
  EXPECT_EQ(groups[0].members.size(), 1U);
  EXPECT_EQ(groups[1].why, Kept::kSharpest);
  ASSERT_EQ(groups[1].members.size(), 4U);
  EXPECT_EQ(groups[1].members[0], std::pair(std::size_t{2}, 1.0F));
  EXPECT_EQ(groups[1].members[1].second, 0.96F);
}

// A chain is no group: each must be like the one that is kept.
TEST(Alike, WhatIsOnlyLikeACopyIsNotInTheGroup) {
  std::vector<Picture> pictures;
  for (std::uint64_t i = 0; i < 4; ++i)
    pictures.push_back({.pixels = 100, .bytes = 100 - i, .sharpness = 1, .files = 1});
  const std::vector<AlikePair> pairs{{0, 1, 0.96F}, {1, 2, 0.96F}, {2, 3, 0.96F}};
  const auto groups = group_alike(pictures, pairs);
  ASSERT_EQ(groups.size(), 2U);
  for (const auto& group : groups) EXPECT_EQ(group.members.size(), 2U);
  EXPECT_EQ(groups[0].why, Kept::kLeastCompressed);
}

}  // namespace
}  // namespace classifier::testing
