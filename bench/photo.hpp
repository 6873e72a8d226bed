// A photo in several sizes, for benchmarks: BENCH_PHOTO, or without it a synthetic one.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <string>

#include "adapters/image/decode.hpp"
#include "adapters/image/resize.hpp"
#include "support/files.hpp"
#include "support/image_files.hpp"

namespace classifier::testing {

// Like photos, the image has a spectrum that falls with frequency, and noise: it is a sum of waves
// in random directions whose amplitude is proportional to their length, plus a little noise.
inline RgbImage synthesize(int width, int height) {
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

inline RgbImage original() {
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

inline RgbImage whole(const RgbImage& image, int width, int height) {
  return resize(image, width, height, Interpolation::kBicubic, {0, 0, width, height});
}

// Registers a benchmark of `work`, which returns whether it succeeded.
inline void measure(const std::string& name, const std::function<bool()>& work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for (auto _ : state) {
      if (!work()) state.SkipWithError("it failed");
    }
    state.SetItemsProcessed(state.iterations());
  })->Unit(benchmark::kMillisecond);
}

}  // namespace classifier::testing
