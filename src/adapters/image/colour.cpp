#include "adapters/image/colour.hpp"

#include <lcms2.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace classifier {
namespace {

struct CloseProfile {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
using ProfileHandle = std::unique_ptr<void, CloseProfile>;
struct DeleteTransform {
  void operator()(void* transform) const { cmsDeleteTransform(transform); }
};
using TransformHandle = std::unique_ptr<void, DeleteTransform>;

using Matrix = std::array<std::array<double, 3>, 3>;

// Three tone curves to light, a matrix, and sRGB's tone curve: nearly all profiles of photos.
class MatrixTransform final : public ColourTransform {
 public:
  using Curve = std::array<float, 256>;  // the light, 0 to 1, of each value

  MatrixTransform(const std::array<Curve, 3>& to_light, const Matrix& to_srgb) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      for (std::size_t value = 0; value < 256; ++value) {
        for (std::size_t c = 0; c < 3; ++c) {
          light_[channel][value].of[c] =
              static_cast<float>(to_srgb[c][channel] * to_light[channel][value] * (kSteps - 1));
        }
      }
    }
    // Cutting off then rounds.
    for (auto& light : light_[0]) {
      for (float& value : light.of) value += 0.5F;
    }
    for (std::size_t i = 0; i < kSteps; ++i) {
      const double light = static_cast<double>(i) / (kSteps - 1);
      // IEC 61966-2-1
      const double value =
          light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
      from_light_[i] = static_cast<std::uint8_t>(std::lround(value * 255));
    }
  }

  void apply(std::span<std::uint8_t> pixels) const override {
    std::uint8_t* const end = pixels.data() + pixels.size() / 3 * 3;
    for (std::uint8_t* pixel = pixels.data(); pixel != end; pixel += 3) {
      const Light& red = light_[0][pixel[0]];
      const Light& green = light_[1][pixel[1]];
      const Light& blue = light_[2][pixel[2]];
      // Of four values, so that the compiler uses vectors.
      std::array<std::int32_t, 4> steps;
      for (std::size_t c = 0; c < 4; ++c) {
        const float value = red.of[c] + green.of[c] + blue.of[c];
        // In this order a NaN, of a damaged profile, becomes 0.
        steps[c] = static_cast<std::int32_t>(std::min(std::max(0.0F, value), kSteps - 1.0F));
      }
      for (std::size_t c = 0; c < 3; ++c)
        pixel[c] = from_light_[static_cast<std::size_t>(steps[c])];
    }
  }

 private:
  // Fine enough for the steepest part of sRGB's curve, near black.
  static constexpr std::size_t kSteps = 8'192;
  // What a value of a channel adds to red, green and blue of sRGB, in steps.
  struct alignas(16) Light {
    std::array<float, 4> of{};
  };
  std::array<std::array<Light, 256>, 3> light_;
  std::array<std::uint8_t, kSteps> from_light_;
};

// Any other profile, by Little CMS.
class LcmsTransform final : public ColourTransform {
 public:
  explicit LcmsTransform(TransformHandle transform) : transform_(std::move(transform)) {}
  void apply(std::span<std::uint8_t> pixels) const override {
    cmsDoTransform(transform_.get(), pixels.data(), pixels.data(),
                   static_cast<cmsUInt32Number>(pixels.size() / 3));
  }

 private:
  TransformHandle transform_;
};

class LcmsInkTransform final : public InkTransform {
 public:
  explicit LcmsInkTransform(TransformHandle transform) : transform_(std::move(transform)) {}
  void apply(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* rgb) const override {
    cmsDoTransform(transform_.get(), cmyk, rgb, static_cast<cmsUInt32Number>(pixels));
  }

 private:
  TransformHandle transform_;
};

TransformHandle lcms_transform(const ProfileHandle& from, cmsUInt32Number format) {
  const ProfileHandle srgb(cmsCreate_sRGBProfile());
  // Without its cache a transform can be used by several threads.
  return TransformHandle(cmsCreateTransform(from.get(), format, srgb.get(), TYPE_RGB_8,
                                            INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE));
}

Matrix inverse(const Matrix& m) {
  const auto cofactor = [&](std::size_t row, std::size_t column) {
    const std::size_t r1 = (row + 1) % 3;
    const std::size_t r2 = (row + 2) % 3;
    const std::size_t c1 = (column + 1) % 3;
    const std::size_t c2 = (column + 2) % 3;
    return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
  };
  const double determinant =
      m[0][0] * cofactor(0, 0) + m[0][1] * cofactor(0, 1) + m[0][2] * cofactor(0, 2);
  Matrix result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column)
      result[row][column] = cofactor(column, row) / determinant;
  }
  return result;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      for (std::size_t i = 0; i < 3; ++i) result[row][column] += a[row][i] * b[i][column];
    }
  }
  return result;
}

// The colours of light of red, green and blue, as columns. nullopt: the profile has none.
std::optional<Matrix> colorants(const ProfileHandle& profile) {
  constexpr std::array kTags{cmsSigRedColorantTag, cmsSigGreenColorantTag, cmsSigBlueColorantTag};
  Matrix matrix{};
  for (std::size_t column = 0; column < 3; ++column) {
    const auto* const xyz = static_cast<const cmsCIEXYZ*>(cmsReadTag(profile.get(), kTags[column]));
    if (xyz == nullptr) return std::nullopt;
    matrix[0][column] = xyz->X;
    matrix[1][column] = xyz->Y;
    matrix[2][column] = xyz->Z;
  }
  return matrix;
}

Matrix srgb_colorants() { return *colorants(ProfileHandle(cmsCreate_sRGBProfile())); }

std::shared_ptr<const ColourTransform> matrix_transform(const ProfileHandle& profile) {
  constexpr std::array kTags{cmsSigRedTRCTag, cmsSigGreenTRCTag, cmsSigBlueTRCTag};
  const auto matrix = colorants(profile);
  if (!matrix) return nullptr;
  std::array<MatrixTransform::Curve, 3> curves{};
  for (std::size_t c = 0; c < 3; ++c) {
    const auto* const curve = static_cast<const cmsToneCurve*>(cmsReadTag(profile.get(), kTags[c]));
    if (curve == nullptr) return nullptr;
    for (std::size_t i = 0; i < curves[c].size(); ++i)
      curves[c][i] = cmsEvalToneCurveFloat(curve, static_cast<float>(i) / 255);
  }
  return std::make_shared<MatrixTransform>(curves, product(inverse(srgb_colorants()), *matrix));
}

// Whether it changes colours by more than rounding does.
bool changes_colours(const ColourTransform& transform, bool grey) {
  std::vector<std::uint8_t> before;
  constexpr int kStep = 51;
  for (int red = 0; red < 256; red += kStep) {
    for (int green = 0; green < 256; green += kStep) {
      for (int blue = 0; blue < 256; blue += kStep) {
        if (grey && (red != green || green != blue)) continue;
        for (const int value : {red, green, blue})
          before.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  std::vector<std::uint8_t> after = before;
  transform.apply(after);
  constexpr int kRounding = 2;
  return !std::ranges::equal(
      before, after, [](std::uint8_t a, std::uint8_t b) { return std::abs(a - b) <= kRounding; });
}

ProfileHandle open(Profile profile) {
  // Little CMS reads whole tables of what the file says; nobody has larger profiles.
  constexpr std::size_t kMost = 16UL << 20;
  if (profile.empty() || profile.size() > kMost) return nullptr;
  return ProfileHandle(
      cmsOpenProfileFromMem(profile.data(), static_cast<cmsUInt32Number>(profile.size())));
}

std::shared_ptr<const ColourTransform> make_colour_transform(Profile bytes) {
  const ProfileHandle profile = open(bytes);
  if (!profile) return nullptr;
  const auto space = cmsGetColorSpace(profile.get());
  std::shared_ptr<const ColourTransform> transform;
  // Profiles with tables may have a matrix too, for programs that cannot use the tables.
  if (space == cmsSigRgbData && cmsIsMatrixShaper(profile.get()) != 0 &&
      cmsIsCLUT(profile.get(), INTENT_PERCEPTUAL, LCMS_USED_AS_INPUT) == 0) {
    transform = matrix_transform(profile);
  }
  if (!transform && (space == cmsSigRgbData || space == cmsSigGrayData)) {
    const bool grey = space == cmsSigGrayData;
    const cmsUInt32Number format =
        grey ? COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(2) | BYTES_SH(1) : TYPE_RGB_8;
    if (auto handle = lcms_transform(profile, format))
      transform = std::make_shared<LcmsTransform>(std::move(handle));
  }
  if (!transform || !changes_colours(*transform, space == cmsSigGrayData)) return nullptr;
  return transform;
}

std::shared_ptr<const InkTransform> make_ink_transform(Profile bytes) {
  const ProfileHandle profile = open(bytes);
  if (!profile || cmsGetColorSpace(profile.get()) != cmsSigCmykData) return nullptr;
  auto handle = lcms_transform(profile, TYPE_CMYK_8);
  if (!handle) return nullptr;
  return std::make_shared<LcmsInkTransform>(std::move(handle));
}

// The last profiles and what was made of them.
template <class Transform>
class Recent {
 public:
  using Make = std::shared_ptr<const Transform> (*)(Profile);
  std::shared_ptr<const Transform> get(Profile profile, Make make) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find_if(
        entries_, [&](const Entry& entry) { return std::ranges::equal(entry.profile, profile); });
    if (found != entries_.end()) {
      std::rotate(entries_.begin(), found, found + 1);
      return entries_.front().transform;
    }
    constexpr std::size_t kMost = 4;
    if (entries_.size() == kMost) entries_.pop_back();
    Entry entry{{profile.begin(), profile.end()}, make(profile)};
    entries_.insert(entries_.begin(), std::move(entry));
    return entries_.front().transform;
  }

 private:
  struct Entry {
    std::vector<std::uint8_t> profile;
    std::shared_ptr<const Transform> transform;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_; the last used one first
};

// ITU-T H.273, tables 2 and 3.
enum Primaries { kBt709 = 1, kUnspecified = 2, kBt470Bg = 5, kBt601 = 6, kBt2020 = 9, kP3 = 12 };
enum Transfer { kGamma22 = 4, kGamma28 = 5, kLinear = 8, kSrgb = 13, kPq = 16, kHlg = 18 };

std::optional<std::array<double, 6>> chromaticities(int primaries) {
  switch (primaries) {
    case kBt709:
    case kUnspecified:
      return std::array{0.640, 0.330, 0.300, 0.600, 0.150, 0.060};
    case kBt470Bg:
      return std::array{0.640, 0.330, 0.290, 0.600, 0.150, 0.060};
    case kBt601:
      return std::array{0.630, 0.340, 0.310, 0.595, 0.155, 0.070};
    case kBt2020:
      return std::array{0.708, 0.292, 0.170, 0.797, 0.131, 0.046};
    case kP3:
      return std::array{0.680, 0.320, 0.265, 0.690, 0.150, 0.060};
    default:
      return std::nullopt;
  }
}

// The light of a value, 1 is white.
double light_of(double value, int transfer) {
  constexpr double kWhite = 203;  // cd/m²
  switch (transfer) {
    case kGamma22:
      return std::pow(value, 2.2);
    case kGamma28:
      return std::pow(value, 2.8);
    case kLinear:
      return value;
    case kPq: {  // SMPTE ST 2084
      const double root = std::pow(value, 1 / 78.84375);
      const double ratio = std::max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root);
      return std::pow(ratio, 1 / 0.1593017578125) * 10'000 / kWhite;
    }
    case kHlg: {  // ITU-R BT.2100, for a screen of 1,000 cd/m²; the gamma for each channel
      constexpr double kA = 0.17883277;
      const double scene =
          value <= 0.5 ? value * value / 3
                       : (std::exp((value - (0.5 - kA * std::log(4 * kA))) / kA) + 1 - 4 * kA) / 12;
      return std::pow(scene, 1.2) * 1'000 / kWhite;
    }
    // Others are those of video, which screens show as sRGB.
    default:
      return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  }
}

}  // namespace

std::shared_ptr<const ColourTransform> colour_transform(Profile profile) {
  static Recent<ColourTransform> recent;
  return profile.empty() ? nullptr : recent.get(profile, &make_colour_transform);
}

std::shared_ptr<const InkTransform> ink_transform(Profile profile) {
  static Recent<InkTransform> recent;
  return profile.empty() ? nullptr : recent.get(profile, &make_ink_transform);
}

std::shared_ptr<const ColourTransform> coded_colour_transform(int primaries, int transfer) {
  const auto xy = chromaticities(primaries);
  if (!xy) return nullptr;
  const cmsCIExyY white{0.3127, 0.3290, 1};
  const cmsCIExyYTRIPLE triple{
      {(*xy)[0], (*xy)[1], 1}, {(*xy)[2], (*xy)[3], 1}, {(*xy)[4], (*xy)[5], 1}};
  cmsToneCurve* const linear = cmsBuildGamma(nullptr, 1);
  const std::array curves{linear, linear, linear};
  const ProfileHandle profile(cmsCreateRGBProfile(&white, &triple, curves.data()));
  cmsFreeToneCurve(linear);
  const auto matrix = profile ? colorants(profile) : std::nullopt;
  if (!matrix) return nullptr;
  MatrixTransform::Curve curve{};
  for (std::size_t i = 0; i < curve.size(); ++i)
    curve[i] = static_cast<float>(light_of(static_cast<double>(i) / 255, transfer));
  auto transform = std::make_shared<MatrixTransform>(std::array{curve, curve, curve},
                                                     product(inverse(srgb_colorants()), *matrix));
  if (!changes_colours(*transform, false)) return nullptr;
  return transform;
}

}  // namespace classifier
