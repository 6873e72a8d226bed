#include "adapters/decoder/decoder_pool.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "adapters/decoder/decoder_process.hpp"
#include "adapters/decoder/protocol.hpp"
#include "support/format_files.hpp"

namespace classifier {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr ResizeRule kRule{.shortest_side = 232, .width = 224, .height = 224};

std::string text_of(ImageBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ImageBytes view(const std::string& bytes) { return std::as_bytes(std::span(bytes)); }

// Decodes, but does as it is told where the "image" is a command.
class ObedientDecoder final : public ImageDecoder {
 public:
  explicit ObedientDecoder(const DecodeLimits& limits) : local_(limits) {}
  // The image is passed on, and the owner not told yet.
  ~ObedientDecoder() override {
    if (dies_at_end_) ::raise(SIGKILL);
  }
  ObedientDecoder(const ObedientDecoder&) = delete;
  ObedientDecoder& operator=(const ObedientDecoder&) = delete;

  Result<PreparedImage> prepare(ImageBytes bytes, const ResizeRule& rule) override {
    const std::string command = text_of(bytes.first(std::min<std::size_t>(bytes.size(), 20)));
    if (command == "crash") ::raise(SIGSEGV);
    if (command == "exit") ::_exit(3);
    if (command == "die") ::raise(SIGKILL);
    if (command == "die at the end") {
      dies_at_end_ = true;
      return PreparedImage{rule.width, rule.height, std::vector<std::uint8_t>(3UL * 224 * 224), {}};
    }
    if (command == "hang") {
      while (true) std::this_thread::yield();
    }
    if (command == "compute") {
      std::mt19937 random;
      for (std::atomic<unsigned> sum = 0;;) sum += random();
    }
    if (command == "grow") {
      std::vector<std::string> held;
      while (true) held.emplace_back(16 << 20, 'x');
    }
    if (command == "open") return said(::open("/etc/passwd", O_RDONLY) >= 0);
    if (command == "connect") return said(::socket(AF_INET, SOCK_STREAM, 0) >= 0);
    if (command == "environment") return said(std::getenv("API_KEYS") != nullptr);
    if (command == "lie") return PreparedImage{1'000, 1'000, std::vector<std::uint8_t>(12), {}};
    return local_.prepare(bytes, rule);
  }
  Result<std::string> thumbnail(ImageBytes bytes, int longest_side) override {
    return local_.thumbnail(bytes, longest_side);
  }

 private:
  static std::unexpected<Error> said(bool yes) {
    return fail(ErrorCode::kUnsupported, yes ? "yes" : "no");
  }
  LocalDecoder local_;
  bool dies_at_end_ = false;
};

class DecoderPoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<DecoderPool> start(std::size_t processes = 1,
                                     std::chrono::milliseconds time = 60s) {
    DecoderPoolOptions options;
    options.processes = processes;
    options.memory_limit = 256ULL << 20;
    options.time_limit = time;
    options.on_notice = [this](const std::string& notice) {
      const std::scoped_lock lock(mutex_);
      notices_.push_back(notice);
      if (notice.contains("may call the system")) locked_up_ = false;
    };
    return DecoderPool::start(options).value();
  }

  // After a command that ended a process, the next image is decoded.
  void expect_works(DecoderPool& pool) { EXPECT_TRUE(pool.prepare(view(photo_), kRule)); }

  std::mutex mutex_;
  std::vector<std::string> notices_;
  bool locked_up_ = true;
  const std::string photo_ = testing::jpeg();
};

TEST_F(DecoderPoolTest, DecodesAsThisProcessDoes) {
  const auto pool = start();
  LocalDecoder local({});
  const auto there = pool->prepare(view(photo_), kRule).value();
  const auto here = local.prepare(view(photo_), kRule).value();
  EXPECT_EQ(there.width, 224);
  EXPECT_EQ(there.height, 224);
  EXPECT_TRUE(there.pixels == here.pixels);
  EXPECT_EQ(pool->thumbnail(view(photo_), 32).value(), local.thumbnail(view(photo_), 32).value());
}

TEST_F(DecoderPoolTest, RefusesWithTheSameWords) {
  const auto pool = start();
  LocalDecoder local({});
  for (const std::string& bytes : {std::string(), std::string("no image"), photo_.substr(0, 300)}) {
    const auto there = pool->prepare(view(bytes), kRule).error();
    const auto here = local.prepare(view(bytes), kRule).error();
    EXPECT_EQ(there.code, here.code);
    EXPECT_EQ(there.message, here.message);
  }
}

TEST_F(DecoderPoolTest, ACrashConcernsOneImage) {
  const auto pool = start();
  const auto before = pool->process_ids();
  const auto error = pool->prepare(view("crash"), kRule).error();
  EXPECT_EQ(error.code, ErrorCode::kUndecodable);
  EXPECT_THAT(error.message, HasSubstr("crashed on the image"));
  expect_works(*pool);
  EXPECT_NE(pool->process_ids(), before);
  EXPECT_EQ(pool->prepare(view("exit"), kRule).error().code, ErrorCode::kUndecodable);
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, AnImageThatHangsIsEnded) {
  const auto pool = start(1, 300ms);
  const auto error = pool->prepare(view("hang"), kRule).error();
  EXPECT_EQ(error.code, ErrorCode::kUndecodable);
  EXPECT_THAT(error.message, HasSubstr("not decoded within 0.3 seconds"));
}

TEST_F(DecoderPoolTest, AnImageThatTakesTooMuchProcessorTimeIsEnded) {
  DecoderPoolOptions options;
  options.processes = 1;
  options.limits.max_time = 100ms;
  const auto pool = DecoderPool::start(options).value();
  const auto error = pool->prepare(view("compute"), kRule).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("more than 0.1 seconds of processor time"));
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, NewFormatsAreDecodedBehindTheWalls) {
  const auto pool = start();
  const RgbImage picture = testing::marked(320, 256);
  std::vector<std::uint16_t> values(512 * 512, 20'000);
  for (const std::string& file :
       {testing::heif(picture), testing::heif(picture, {.compression = heif_compression_AV1}),
        testing::tiff(picture, {.compression = COMPRESSION_LZW}), testing::jxl(picture, false),
        testing::dng(512, 512, values)}) {
    const auto prepared = pool->prepare(view(file), kRule);
    EXPECT_TRUE(prepared) << prepared.error().message;
    const auto thumbnail = pool->thumbnail(view(file), 200);
    EXPECT_TRUE(thumbnail) << thumbnail.error().message;
  }
}

TEST_F(DecoderPoolTest, AnImageThatTakesTooMuchMemoryIsRefusedByName) {
  const auto pool = start();
  if (!locked_up_) GTEST_SKIP() << "no limit of memory under sanitizers: " << notices_.front();
  const auto before = pool->process_ids();
  const auto error = pool->prepare(view("grow"), kRule).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("ran out of memory at 256 MB"));
  EXPECT_THAT(error.message, HasSubstr("DECODE_MEMORY"));
  expect_works(*pool);
  EXPECT_NE(pool->process_ids(), before);
}

TEST_F(DecoderPoolTest, OneThatIsKilledFromOutsideIsNotTheImagesFault) {
  const auto pool = start();
  ::kill(pool->process_ids().front(), SIGKILL);
  expect_works(*pool);
  std::jthread killer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const int id : pool->process_ids()) ::kill(id, SIGKILL);
      std::this_thread::sleep_for(1ms);
    }
  });
  const auto error = pool->prepare(view("hang"), kRule).error();
  killer = {};
  EXPECT_EQ(error.code, ErrorCode::kExhausted);
  EXPECT_TRUE(error.transient());
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, KilledAtEachStepItIsReplaced) {
  const auto pool = start();
  for (const std::string step : {"die", "die at the end"}) {
    const auto error = pool->prepare(view(step), kRule).error();
    EXPECT_EQ(error.code, ErrorCode::kExhausted) << step;
    expect_works(*pool);
    ::kill(pool->process_ids().front(), SIGKILL);  // while it waits for an image
    expect_works(*pool);
    ::kill(pool->process_ids().front(), SIGSTOP);  // as it gets one
    std::jthread killer([&] {
      std::this_thread::sleep_for(20ms);
      ::kill(pool->process_ids().front(), SIGKILL);
    });
    expect_works(*pool);
  }
}

// The memory that a header announces is enough, as the limit of the process shows.
TEST_F(DecoderPoolTest, WhatIsNotRefusedByItsHeaderFits) {
  if (!start()->process_ids().empty() && !locked_up_) GTEST_SKIP() << notices_.front();
  const RgbImage image = testing::marked(2'000, 1'200);
  const auto w = static_cast<std::uint32_t>(image.width);
  const auto h = static_cast<std::uint32_t>(image.height);
  const std::vector<std::uint8_t> rgba(4UL * w * h, 77);
  testing::GifPicture picture{.canvas_width = image.width,
                              .canvas_height = image.height,
                              .width = image.width,
                              .height = image.height,
                              .colours = {{1, 2, 3}, {4, 5, 6}},
                              .indexes = std::vector<GifPixelType>(image.pixels.size() / 3)};
  const std::map<std::string, std::string> files{
      {"JPEG", encode_jpeg(image, 90).value()},
      {"progressive JPEG", testing::progressive_jpeg(image)},
      {"PNG", testing::png(image)},
      {"interlaced PNG", testing::png(SPNG_COLOR_TYPE_TRUECOLOR, 8, image.pixels, w, h, true)},
      {"PNG with opacity", testing::png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, rgba, w, h, true)},
      {"lossy WebP", testing::webp_lossy(image, 80)},
      {"lossless WebP", testing::webp_lossless(image)},
      {"BMP", testing::bmp(image)},
      {"GIF", testing::gif(picture)},
      {"HEIC", testing::heif(image)},
      {"AVIF", testing::heif(image, {.compression = heif_compression_AV1})},
      {"TIFF", testing::tiff(image)},
      {"TIFF of JPEG tiles", testing::tiff(image, {.compression = COMPRESSION_JPEG, .tile = 256})},
      {"lossless JPEG XL", testing::jxl(image)},
      {"lossy JPEG XL", testing::jxl(image, false)},
      {"raw file", testing::dng(w, h, std::vector<std::uint16_t>(1UL * w * h, 9'000))}};
  for (const auto& [name, file] : files) {
    std::uint64_t megabytes = 1;
    while (!LocalDecoder({.max_memory = megabytes << 20}).thumbnail(view(file), 1'500))
      ASSERT_LT(++megabytes, 300) << name;
    DecoderPoolOptions options;
    options.processes = 1;
    options.memory_limit = options.limits.max_memory = megabytes << 20;
    const auto thumbnail = DecoderPool::start(options).value()->thumbnail(view(file), 1'500);
    EXPECT_TRUE(thumbnail) << name << ": " << thumbnail.error().message;
    RecordProperty(name, static_cast<int>(megabytes));
  }
}

TEST_F(DecoderPoolTest, OneStartedAgainByANicedThreadIsAsNiceAsTheFirst) {
  const auto pool = start();
  const auto niceness = [&] {
    return ::getpriority(PRIO_PROCESS, static_cast<id_t>(pool->process_ids().front()));
  };
  const int first = niceness();
  std::jthread([&] {
    ASSERT_NE(::nice(5), -1);
    std::ignore = pool->prepare(view("crash"), kRule);
    expect_works(*pool);
  }).join();
  EXPECT_EQ(niceness(), first);
}

TEST_F(DecoderPoolTest, KilledAtAnyMomentNoImageIsLost) {
  const auto pool = start(2);
  std::atomic<bool> ends{false};
  std::thread killer([&] {
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(10ms);
      for (const int id : pool->process_ids()) {
        if (i % 4 == 0) ::kill(id, SIGKILL);
      }
    }
    ends = true;
  });
  int lost = 0;
  while (!ends) {
    const auto image = pool->prepare(view(photo_), kRule);
    if (!image && !image.error().transient()) ++lost;
  }
  killer.join();
  EXPECT_EQ(lost, 0);
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, HasNoWayOut) {
  ::setenv("API_KEYS", "secret-of-the-service", 1);
  const auto pool = start();
  EXPECT_EQ(pool->prepare(view("environment"), kRule).error().message, "no");
  if (!locked_up_) GTEST_SKIP() << "no filter of system calls: " << notices_.front();
  EXPECT_EQ(pool->prepare(view("open"), kRule).error().message, "no");
  EXPECT_THAT(pool->prepare(view("connect"), kRule).error().message, HasSubstr("Bad system call"));
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, WhatCannotBeIsNotBelieved) {
  const auto pool = start();
  EXPECT_EQ(pool->prepare(view("lie"), kRule).error().code, ErrorCode::kUndecodable);
  expect_works(*pool);
}

TEST_F(DecoderPoolTest, ManyThreadsShareFewProcesses) {
  const auto pool = start(2);
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          if (t == 0 && i % 5 == 0) std::ignore = pool->prepare(view("crash"), kRule);
          if (pool->prepare(view(photo_), kRule)) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 160);
}

TEST_F(DecoderPoolTest, SaysWhatProgramCannotBeStarted) {
  DecoderPoolOptions options;
  options.program = "/nonexistent";
  const auto error = DecoderPool::start(options).error();
  EXPECT_EQ(error.code, ErrorCode::kExhausted);
  EXPECT_THAT(error.message, HasSubstr("/nonexistent"));
  options.program = "/bin/true";
  EXPECT_THAT(DecoderPool::start(options).error().message, HasSubstr("at its start"));
}

}  // namespace
}  // namespace classifier

int main(int argc, char** argv) {
  using namespace classifier;
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (decoder::is_decoder_process(arguments)) {
    ::_exit(decoder::run_decoder_process(arguments, [](const DecodeLimits& limits) {
      return std::make_unique<ObedientDecoder>(limits);
    }));
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
