// The time that decoding, resizing and preparing images takes. All files are made from the photo
// BENCH_PHOTO, or without it from a synthetic one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>

#include "adapters/image/decode.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/resize.hpp"
#include "adapters/image/thumbnail.hpp"
#include "support/files.hpp"
#include "support/image_files.hpp"

namespace classifier::testing {
namespace {

constexpr int kJpegQuality = 85;

// Like photos, the image has a spectrum that falls with frequency, and noise: it is a sum of waves
// in random directions whose amplitude is proportional to their length, plus a little noise.
RgbImage synthesize(int width, int height) {
  struct Wave {
    float x, y, phase, height;
  };
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> angle(0, 6.2832F);
  std::array<Wave, 24> waves;
  float frequency = 0.004F;
  for (auto& wave : waves) {
    const float direction = angle(random);
    wave = {frequency * std::cos(direction), frequency * std::sin(direction), angle(random),
            0.2F / frequency};
    frequency *= 1.3F;
  }
  RgbImage image = make_image(width, height);
  std::normal_distribution<float> noise(0, 3);
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      float value = 0;
      for (const auto& wave : waves)
        value += wave.height * std::sin(wave.x * static_cast<float>(x) +
                                        wave.y * static_cast<float>(y) + wave.phase);
      for (int c = 0; c < 3; ++c)
        *out++ = static_cast<std::uint8_t>(std::clamp(
            128 + value * (1 - 0.2F * static_cast<float>(c)) + noise(random), 0.F, 255.F));
    }
  }
  return image;
}

RgbImage original() {
  const char* const path = std::getenv("BENCH_PHOTO");
  if (path == nullptr) return synthesize(1600, 1200);
  const Bytes bytes = read_file(path).value_or("");
  auto decoded = decode_image(view(bytes), {});
  if (!decoded) {
    std::cerr << "BENCH_PHOTO " << path << ": " << decoded.error().message << "\n";
    std::exit(2);
  }
  return std::move(decoded->image);
}

RgbImage whole(const RgbImage& image, int width, int height) {
  return resize(image, width, height, Interpolation::kBicubic, {0, 0, width, height});
}

// A GIF with a palette of 6 × 6 × 6 colours.
Bytes gif_of(const RgbImage& image) {
  GifPicture picture{.canvas_width = image.width,
                     .canvas_height = image.height,
                     .width = image.width,
                     .height = image.height,
                     .colours = {},
                     .indexes = {}};
  picture.colours.resize(256);
  for (int i = 0; i < 216; ++i) {
    const auto level = [](int step) { return static_cast<GifByteType>(step * 51); };
    picture.colours[static_cast<std::size_t>(i)] = {level(i / 36), level(i / 6 % 6), level(i % 6)};
  }
  picture.indexes.reserve(image.pixels.size() / 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const auto step = [&](std::size_t c) { return (image.pixels[i + c] + 25) / 51; };
    picture.indexes.push_back(static_cast<GifPixelType>(step(0) * 36 + step(1) * 6 + step(2)));
  }
  return gif(std::move(picture));
}

// Registers a benchmark of `work`, which returns whether it succeeded.
void measure(const std::string& name, const std::function<bool()>& work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for (auto _ : state) {
      if (!work()) state.SkipWithError("it failed");
    }
    state.SetItemsProcessed(state.iterations());
  })->Unit(benchmark::kMillisecond);
}

struct Rule {
  std::string name;
  ResizeRule rule;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> kRules{
      {"bilinear232", {.shortest_side = 232, .interpolation = Interpolation::kBilinear}},
      {"bicubic256", {.shortest_side = 256, .interpolation = Interpolation::kBicubic}},
      {"bicubic224", {.shortest_side = 224, .interpolation = Interpolation::kBicubic}}};
  return kRules;
}

void register_decode(const std::string& what, const Bytes& file, int min_shortest_side) {
  measure("decode/" + what, [file, min_shortest_side] {
    return decode_image(view(file), {}, min_shortest_side).has_value();
  });
}

void register_jpeg(const std::string& size, const RgbImage& image) {
  const Bytes file = encode_jpeg(image, kJpegQuality).value();
  std::cerr << size << ": " << image.width << " × " << image.height << ", JPEG of "
            << file.size() / 1024 << " KiB\n";
  register_decode("jpeg/" + size + "/full", file, 0);
  register_decode("jpeg/" + size + "/scaled", file, 256);
  for (const auto& [name, rule] : rules()) {
    for (const bool scaled : {false, true}) {
      std::string title = "prepare/jpeg/";
      title.append(size).append("/").append(name).append(scaled ? "/scaled" : "/full");
      measure(title, [file, rule, scaled] {
        return prepare_image(view(file), rule, {}, scaled).has_value();
      });
    }
  }
  measure("thumbnail/jpeg/" + size,
          [file] { return make_thumbnail(view(file), 256, {}).has_value(); });
}

void register_resize(const std::string& size, const RgbImage& image) {
  for (const auto& [name, rule] : rules()) {
    const int width = rule.shortest_side * image.width / image.height;
    const CropWindow window{(width - 224) / 2, (rule.shortest_side - 224) / 2, 224, 224};
    std::string title = "resize/";
    title.append(size).append("/").append(name);
    measure(title, [&image, width, window, rule] {
      return !resize(image, width, rule.shortest_side, rule.interpolation, window).pixels.empty();
    });
  }
}

}  // namespace
}  // namespace classifier::testing

int main(int argc, char** argv) {
  using namespace classifier::testing;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const classifier::RgbImage photo = original();
  const classifier::RgbImage hd = whole(photo, 1280, 720);
  const classifier::RgbImage twelve = whole(photo, 4000, 3000);
  register_jpeg("720p", hd);
  register_jpeg("12mp", twelve);
  register_resize("720p", hd);
  register_resize("12mp", twelve);
  register_decode("png/720p", png(hd), 0);
  register_decode("webp/720p/lossy", webp_lossy(hd, 80), 0);
  register_decode("webp/720p/lossless", webp_lossless(hd), 0);
  register_decode("gif/720p", gif_of(hd), 0);
  register_decode("bmp/720p", bmp(hd), 0);
  benchmark::RunSpecifiedBenchmarks();
}
