// Compares prepared images with Pillow's resize and centre crop of the same photos.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "adapters/image/preprocess.hpp"
#include "support/files.hpp"
#include "support/npz.hpp"

namespace classifier::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kPhotos = fs::path(SHARED_DIR) / "photos";
const fs::path kGoldens = fs::path(SHARED_DIR) / "goldens" / "preprocessed_crops.npz";

// Of pixels from 0 to 255.
constexpr double kMaxMeanDifference = 2;
constexpr int kSide = 224;

struct Difference {
  double mean = 255;
  int largest = 255;
};

Difference difference(const std::vector<std::uint8_t>& ours, const std::string& golden) {
  if (ours.size() != golden.size() || ours.empty()) return {};
  Difference result{0, 0};
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const int d = std::abs(ours[i] - static_cast<int>(static_cast<std::uint8_t>(golden[i])));
    result.mean += d;
    result.largest = std::max(result.largest, d);
  }
  result.mean /= static_cast<double>(ours.size());
  return result;
}

TEST(GoldenCrops, MatchPillow) {
  if (!fs::is_directory(kPhotos) || !fs::is_regular_file(kGoldens))
    GTEST_SKIP() << "the photos and their crops are not in " SHARED_DIR;
  const auto goldens = read_npz(kGoldens);
  const std::map<std::string, ResizeRule> rules{
      {"bilinear232", {.shortest_side = 232, .interpolation = Interpolation::kBilinear}},
      {"bicubic256", {.shortest_side = 256, .interpolation = Interpolation::kBicubic}},
      {"bicubic224", {.shortest_side = 224, .interpolation = Interpolation::kBicubic}}};
  std::size_t compared = 0;
  for (const auto& photo : fs::directory_iterator(kPhotos)) {
    const std::string bytes = read_file(photo.path()).value();
    const ImageBytes view = std::as_bytes(std::span(bytes));
    for (const auto& [rule_name, rule] : rules) {
      const std::string key = photo.path().filename().string() + "|" + rule_name;
      ASSERT_TRUE(goldens.contains(key)) << key;
      const NpyArray& golden = goldens.at(key);
      ASSERT_NE(golden.header.find("'|u1'"), std::string::npos) << golden.header;
      ASSERT_EQ(golden.data.size(), 3U * kSide * kSide) << golden.header;
      const auto exact = prepare_image(view, rule, {}, false);
      const auto scaled = prepare_image(view, rule, {}, true);
      ASSERT_TRUE(exact && scaled) << key;
      const Difference whole = difference(exact->pixels, golden.data);
      const Difference fast = difference(scaled->pixels, golden.data);
      std::printf("%-32s mean |a-b| %.4f, largest %3d; scaled decoding: mean %.4f, largest %3d\n",
                  key.c_str(), whole.mean, whole.largest, fast.mean, fast.largest);
      EXPECT_LE(whole.mean, kMaxMeanDifference) << key;
      ++compared;
    }
  }
  EXPECT_EQ(compared, goldens.size());
}

}  // namespace
}  // namespace classifier::testing
