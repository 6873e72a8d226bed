#include "adapters/embedded/vector_kernels.hpp"

#include <algorithm>
#include <cmath>

// Highway compiles this file once for each set of instructions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adapters/embedded/vector_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace classifier::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

std::int32_t product(const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  const hn::ScalableTag<std::int16_t> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  const hn::Repartition<std::int32_t, decltype(d16)> d32;
  const std::size_t lanes = hn::Lanes(d16);
  auto sum0 = hn::Zero(d32);
  auto sum1 = hn::Zero(d32);
  auto sum2 = hn::Zero(d32);
  auto sum3 = hn::Zero(d32);
  const auto at = [&](const std::int8_t* values) {
    return hn::PromoteTo(d16, hn::LoadU(d8, values));
  };
  std::size_t i = 0;
  for (; i + 2 * lanes <= size; i += 2 * lanes) {
    sum0 = hn::ReorderWidenMulAccumulate(d32, at(a + i), at(b + i), sum0, sum1);
    sum2 = hn::ReorderWidenMulAccumulate(d32, at(a + i + lanes), at(b + i + lanes), sum2, sum3);
  }
  std::int32_t sum =
      hn::GetLane(hn::SumOfLanes(d32, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; i < size; ++i) sum += static_cast<std::int32_t>(a[i]) * b[i];
  return sum;
}

void multiply(const std::int8_t* query, const std::int8_t* const* rows, std::size_t count,
              std::size_t size, std::int32_t* products) {
  for (std::size_t i = 0; i < count; ++i) products[i] = product(query, rows[i], size);
}

}  // namespace classifier::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace classifier {

HWY_EXPORT(multiply);

void multiply_i8(const std::int8_t* query, std::span<const std::int8_t* const> rows,
                 std::size_t size, std::int32_t* products) {
  HWY_DYNAMIC_DISPATCH(multiply)(query, rows.data(), rows.size(), size, products);
}

float round_to_i8(std::span<const float> values, std::int8_t* rounded) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  const float scale = most / 127;
  for (std::size_t i = 0; i < values.size(); ++i) {
    rounded[i] = static_cast<std::int8_t>(
        scale > 0 ? std::clamp(std::lround(values[i] / scale), -127L, 127L) : 0);
  }
  return scale;
}

}  // namespace classifier
#endif
