// Colours as the profiles in image files mean them, converted to sRGB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace classifier {

// From the colours of a profile to sRGB. Immutable, so that any threads may share one.
class ColourTransform {
 public:
  virtual ~ColourTransform() = default;
  // `pixels` is RGB, 8 bits, interleaved; grey of a grey profile is in all three channels.
  virtual void apply(std::span<std::uint8_t> pixels) const = 0;
};

// From inks, CMYK of 8 bits in which 255 is full ink, to sRGB.
class InkTransform {
 public:
  virtual ~InkTransform() = default;
  // `cmyk` is [pixels, 4], `rgb` [pixels, 3].
  virtual void apply(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* rgb) const = 0;
};

using Profile = std::span<const std::uint8_t>;  // a file of the International Color Consortium

// nullptr where nothing is to be converted: there is no profile, it is damaged or for other colours
// than RGB and grey, or its colours are those of sRGB. The last few are kept, since most photos of
// a person have the same profiles.
std::shared_ptr<const ColourTransform> colour_transform(Profile profile);
// The same for a profile of CMYK.
std::shared_ptr<const InkTransform> ink_transform(Profile profile);

// Colours as ITU-T H.273 numbers them, which HEIF and AVIF use. nullptr: sRGB, or unknown. The
// transfer functions PQ and HLG are shown as on a screen without high dynamic range: white of
// graphics, 203 cd/m², is white, and what is brighter is white too (ITU-R BT.2408).
std::shared_ptr<const ColourTransform> coded_colour_transform(int primaries, int transfer);

}  // namespace classifier
