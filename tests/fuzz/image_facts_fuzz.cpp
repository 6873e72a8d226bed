// Any bytes, whole and cut, as an image file whose header is read: what it says is possible, and
// agrees with the decoders' own reading of it.
#include <span>

#include "adapters/image/codecs.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/image_facts.hpp"
#include "domain/text.hpp"
#include "fuzz.hpp"

namespace {

using classifier::ImageFacts;
using classifier::ImageFormat;
using classifier::fuzz::demand;

void check(const classifier::CameraFacts& camera) {
  for (const std::string& text : {camera.make, camera.model, camera.lens}) {
    demand(classifier::is_utf8(text) && !classifier::has_control_character(text) &&
               classifier::trim(text) == text && text.size() <= 800,
           "names are short texts");
  }
  for (const auto& number : {camera.exposure_s, camera.f_number, camera.focal_length_mm})
    demand(!number || (*number > 0 && *number <= 1e5), "numbers are positive and possible");
  demand(!camera.iso || *camera.iso > 0, "a sensitivity is positive");
}

void check(const ImageFacts& facts) {
  check(facts.camera);
  demand((facts.width == 0) == (facts.height == 0) && facts.width >= 0 && facts.height >= 0,
         "both sides are known, or none");
  demand(!facts.content_type.empty() ||
             (facts.width == 0 && !facts.taken_at && facts.camera == classifier::CameraFacts{}),
         "what is no image has no facts");
  if (!facts.taken_at) return;
  const std::string text = classifier::to_rfc3339(*facts.taken_at);
  demand(classifier::parse_rfc3339(text) == facts.taken_at || text.starts_with("0000") ||
             text.size() != std::string_view("2026-01-31T12:00:00.000Z").size(),
         "times are times");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const ImageFacts facts = classifier::read_image_facts(file);
  check(facts);
  for (const std::size_t part : {size / 2, size - std::min<std::size_t>(size, 1)})
    check(classifier::read_image_facts(file.first(part)));
  // As a TIFF block by itself, which mutations reach more quickly than inside a file.
  ImageFacts tiff;
  tiff.content_type = "image/jpeg";
  tiff.taken_at = classifier::codecs::exif_time({data, size});
  tiff.camera = classifier::codecs::exif_camera({data, size});
  check(tiff);
  classifier::DecodeLimits limits;
  limits.max_bytes = std::size_t{1} << 20;
  limits.max_pixels = std::int64_t{1} << 32;
  const auto info = classifier::probe_image(file, limits);
  if (!info || facts.width == 0) return 0;
  demand(!facts.content_type.empty(), "what can be probed has a type");
  const auto has_size = [&](int width, int height) {
    return facts.width == width && facts.height == height;
  };
  // Of directories and boxes that contradict each other, a library takes others.
  const auto format = info->format;
  if (format == ImageFormat::kTiff || format == ImageFormat::kHeif ||
      format == ImageFormat::kAvif || format == ImageFormat::kRaw)
    return 0;
  const bool turned = info->orientation >= 5;
  // libwebp sees no Exif in a file with a damaged frame, which it cannot decode.
  const bool may_differ = format == ImageFormat::kWebp;
  demand(has_size(turned ? info->height : info->width, turned ? info->width : info->height) ||
             (may_differ && has_size(info->height, info->width)),
         "the size is the decoder's");
  return 0;
}
