// The time that decoding, resizing and preparing images takes. All files are made from the photo
// BENCH_PHOTO, or without it from a synthetic one.
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"
#include "photo.hpp"

namespace classifier::testing {
namespace {

constexpr int kJpegQuality = 85;

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
