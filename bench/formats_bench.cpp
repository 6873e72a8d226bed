// The time that images of 12 megapixels take from the file to a model's input, by format, beside
// what the library of the format takes for its pixels; and what a colour profile adds to a JPEG.
// All files are made from the photo BENCH_PHOTO, or without it from a synthetic one, which takes a
// minute.
#include <jxl/decode.h>
#include <libraw/libraw.h>

#include <fstream>
#include <utility>

#include "adapters/image/preprocess.hpp"
#include "photo.hpp"
#include "support/format_files.hpp"

namespace classifier::testing {
namespace {

void register_prepare(const std::string& what, const Bytes& file) {
  measure("prepare/" + what, [file] {
    return prepare_image(view(file),
                         {.shortest_side = 256, .interpolation = Interpolation::kBicubic}, {})
        .has_value();
  });
}

bool heif_pixels(const Bytes& file) {
  const std::unique_ptr<heif_context, decltype(&heif_context_free)> context(heif_context_alloc(),
                                                                            &heif_context_free);
  heif_context_set_max_decoding_threads(context.get(), 0);
  demand(
      heif_context_read_from_memory_without_copy(context.get(), file.data(), file.size(), nullptr));
  heif_image_handle* handle = nullptr;
  demand(heif_context_get_primary_image_handle(context.get(), &handle));
  heif_image* image = nullptr;
  demand(
      heif_decode_image(handle, &image, heif_colorspace_RGB, heif_chroma_interleaved_RGB, nullptr));
  heif_image_release(image);
  heif_image_handle_release(handle);
  return true;
}

bool jxl_pixels(const Bytes& file) {
  const std::unique_ptr<JxlDecoder, decltype(&JxlDecoderDestroy)> decoder(JxlDecoderCreate(nullptr),
                                                                          &JxlDecoderDestroy);
  const JxlPixelFormat format{3, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  JxlDecoderSubscribeEvents(decoder.get(), JXL_DEC_FULL_IMAGE);
  JxlDecoderSetInput(decoder.get(), reinterpret_cast<const std::uint8_t*>(file.data()),
                     file.size());
  if (JxlDecoderProcessInput(decoder.get()) != JXL_DEC_NEED_IMAGE_OUT_BUFFER) return false;
  std::size_t size = 0;
  JxlDecoderImageOutBufferSize(decoder.get(), &format, &size);
  std::vector<std::uint8_t> pixels(size);
  JxlDecoderSetImageOutBuffer(decoder.get(), &format, pixels.data(), size);
  return JxlDecoderProcessInput(decoder.get()) == JXL_DEC_FULL_IMAGE;
}

bool raw_pixels(const Bytes& file) {
  LibRaw raw;
  raw.imgdata.params.half_size = 1;
  raw.imgdata.params.output_bps = 8;
  return raw.open_buffer(const_cast<char*>(file.data()), file.size()) == LIBRAW_SUCCESS &&
         raw.unpack() == LIBRAW_SUCCESS && raw.dcraw_process() == LIBRAW_SUCCESS;
}

bool tiff_pixels(const Bytes& file) {
  const std::string path = "/tmp/formats_bench.tif";
  static const bool kWritten = (std::ofstream(path, std::ios::binary) << file).good();
  TIFF* const tiff = kWritten ? TIFFOpen(path.c_str(), "r") : nullptr;
  if (tiff == nullptr) return false;
  std::vector<std::uint32_t> pixels(4'000UL * 3'000);
  const bool read = TIFFReadRGBAImage(tiff, 4'000, 3'000, pixels.data(), 1) == 1;
  TIFFClose(tiff);
  return read;
}

// What a sensor with squares of red, green, green and blue sees.
Bytes raw_of(const RgbImage& image) {
  std::vector<std::uint16_t> values;
  values.reserve(image.pixels.size() / 3);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const auto channel = static_cast<std::size_t>(x % 2 + y % 2);
      values.push_back(
          static_cast<std::uint16_t>(image.pixels[image.offset(x, y) + channel] * 257));
    }
  }
  return dng(static_cast<std::uint32_t>(image.width), static_cast<std::uint32_t>(image.height),
             values);
}

}  // namespace
}  // namespace classifier::testing

int main(int argc, char** argv) {
  using namespace classifier::testing;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const classifier::RgbImage photo = original();
  const classifier::RgbImage twelve = whole(photo, 4'000, 3'000);
  constexpr int kQuality = 85;
  for (const auto& [size, image] :
       {std::pair{"720p", whole(photo, 1'280, 720)}, std::pair{"12mp", twelve}}) {
    const Bytes jpeg = classifier::encode_jpeg(image, kQuality).value();
    register_prepare(std::string("jpeg/") + size, jpeg);
    register_prepare(std::string("jpeg/") + size + "/p3", jpeg_with_profile(jpeg, p3_profile()));
  }
  const Bytes heic = heif(twelve, {.quality = kQuality});
  register_prepare("heic", heic);
  measure("library/heic", [heic] { return heif_pixels(heic); });
  const Bytes avif = heif(twelve, {.compression = heif_compression_AV1, .quality = kQuality});
  register_prepare("avif", avif);
  measure("library/avif", [avif] { return heif_pixels(avif); });
  const Bytes lzw = classifier::testing::tiff(twelve, {.compression = COMPRESSION_LZW});
  register_prepare("tiff", lzw);
  measure("library/tiff", [lzw] { return tiff_pixels(lzw); });
  const Bytes lossy = jxl(twelve, false);
  register_prepare("jxl", lossy);
  measure("library/jxl", [lossy] { return jxl_pixels(lossy); });
  const Bytes raw = raw_of(twelve);
  register_prepare("raw", raw);
  measure("library/raw", [raw] { return raw_pixels(raw); });
  benchmark::RunSpecifiedBenchmarks();
}
