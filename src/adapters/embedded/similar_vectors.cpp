#include "adapters/embedded/similar_vectors.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/embedded/vector_kernels.hpp"

namespace classifier {
namespace {

constexpr std::size_t kProbes = 4;         // centres that a row belongs to
constexpr std::size_t kRowsOfCentre = 64;  // rows for each centre from which they are made
constexpr int kRounds = 4;                 // of k-means
constexpr std::size_t kPairPiece = 256;    // rows that a thread takes at once

using Probes = std::array<std::uint32_t, kProbes>;  // by rising number

// Runs `work(begin, end)` for pieces of [0, count) on several threads.
template <class Work>
void in_pieces(std::size_t count, std::size_t piece, std::size_t threads, Work work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t begin = next.fetch_add(piece); begin < count; begin = next.fetch_add(piece))
      work(begin, std::min(begin + piece, count));
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back(run);
  run();
}

class SimilarVectors {
 public:
  SimilarVectors(const VectorRows& rows, std::size_t dimensions, float min_similarity,
                 std::size_t threads,
                 const std::function<void(std::size_t, std::size_t, float)>& use,
                 const std::function<bool()>& stopped)
      : dimensions_(dimensions),
        min_similarity_(min_similarity),
        threads_(std::max<std::size_t>(threads, 1)),
        use_(use),
        stopped_(stopped) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const VectorRow row = rows[i];
      if (row.id <= 0) continue;
      vectors_.push_back(row.vector);
      scales_.push_back(row.scale);
      numbers_.push_back(static_cast<std::uint32_t>(i));
    }
  }

  void compare_all() {
    std::vector<std::uint32_t> all(vectors_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    in_pieces(all.size(), kPairPiece, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end && !stopped_(); ++i)
        compare(all, i, [](std::uint32_t, std::uint32_t) { return true; });
    });
  }

  void compare_near() {
    make_centres();
    const std::vector<Probes> probes = assign();
    std::vector<std::vector<std::uint32_t>> members(centres_.size());
    for (std::uint32_t i = 0; i < probes.size(); ++i) {
      for (const std::uint32_t centre : probes[i]) members[centre].push_back(i);
    }
    in_pieces(members.size(), 1, threads_, [&](std::size_t centre, std::size_t) {
      for (std::size_t i = 0; i < members[centre].size() && !stopped_(); ++i) {
        // Those that share several centres are compared at the first of them.
        compare(members[centre], i, [&](std::uint32_t a, std::uint32_t b) {
          return first_shared(probes[a], probes[b]) == centre;
        });
      }
    });
  }

 private:
  // Member `i` with those behind it.
  template <class Wanted>
  void compare(const std::vector<std::uint32_t>& members, std::size_t i, Wanted wanted) {
    std::array<const std::int8_t*, kPairPiece> rows{};
    std::array<std::int32_t, kPairPiece> products{};
    const std::uint32_t a = members[i];
    for (std::size_t begin = i + 1; begin < members.size(); begin += kPairPiece) {
      const std::size_t count = std::min(kPairPiece, members.size() - begin);
      for (std::size_t k = 0; k < count; ++k) rows[k] = vectors_[members[begin + k]];
      multiply_i8(vectors_[a], {rows.data(), count}, dimensions_, products.data());
      for (std::size_t k = 0; k < count; ++k) {
        const std::uint32_t b = members[begin + k];
        const float similarity = static_cast<float>(products[k]) * scales_[a] * scales_[b];
        if (similarity < min_similarity_ || !wanted(a, b)) continue;
        const std::scoped_lock lock(use_mutex_);
        use_(std::min(numbers_[a], numbers_[b]), std::max(numbers_[a], numbers_[b]), similarity);
      }
    }
  }

  static std::uint32_t first_shared(const Probes& a, const Probes& b) {
    for (const std::uint32_t centre : a) {
      if (std::ranges::find(b, centre) != b.end()) return centre;
    }
    return std::numeric_limits<std::uint32_t>::max();
  }

  // k-means on the sphere, of a part of the rows: each centre is the direction of the sum of its
  // rows.
  void make_centres() {
    const auto count =
        static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(vectors_.size())));
    const std::size_t sample = std::min(vectors_.size(), count * kRowsOfCentre);
    const auto sampled = [&](std::size_t i) { return i * vectors_.size() / sample; };
    centre_values_.resize(count * dimensions_);
    centres_.resize(count);
    centre_scales_.resize(count);
    for (std::size_t c = 0; c < count; ++c) {
      const std::size_t row = sampled(c * sample / count);
      centres_[c] = &centre_values_[c * dimensions_];
      std::copy_n(vectors_[row], dimensions_, &centre_values_[c * dimensions_]);
      centre_scales_[c] = scales_[row];
    }
    std::vector<std::uint32_t> nearest(sample);
    for (int round = 0; round < kRounds && !stopped_(); ++round) {
      in_pieces(sample, kPairPiece, threads_, [&](std::size_t begin, std::size_t end) {
        std::vector<std::int32_t> products(count);
        for (std::size_t i = begin; i < end; ++i)
          nearest[i] = probes_of(sampled(i), products, 1).front();
      });
      std::vector<float> sums(count * dimensions_, 0);
      for (std::size_t i = 0; i < sample; ++i) {
        const std::int8_t* const vector = vectors_[sampled(i)];
        float* const sum = &sums[nearest[i] * dimensions_];
        for (std::size_t k = 0; k < dimensions_; ++k)
          sum[k] += static_cast<float>(vector[k]) * scales_[sampled(i)];
      }
      for (std::size_t c = 0; c < count; ++c) {
        const std::span<float> sum(&sums[c * dimensions_], dimensions_);
        float squares = 0;
        for (const float value : sum) squares += value * value;
        if (!(squares > 0)) continue;  // it has no rows, and stays
        for (float& value : sum) value /= std::sqrt(squares);
        centre_scales_[c] = round_to_i8(sum, &centre_values_[c * dimensions_]);
      }
    }
  }

  // The centres that a row is nearest to, by rising number. `products` has room for all.
  Probes probes_of(std::size_t row, std::vector<std::int32_t>& products, std::size_t wanted) const {
    multiply_i8(vectors_[row], centres_, dimensions_, products.data());
    Probes best{};
    std::array<float, kProbes> similarities{};
    similarities.fill(-std::numeric_limits<float>::max());
    for (std::uint32_t c = 0; c < products.size(); ++c) {
      float similarity = static_cast<float>(products[c]) * centre_scales_[c];
      std::uint32_t centre = c;
      for (std::size_t k = 0; k < wanted; ++k) {
        if (similarity <= similarities[k]) continue;
        std::swap(similarity, similarities[k]);
        std::swap(centre, best[k]);
      }
    }
    if (wanted == kProbes) std::ranges::sort(best);
    return best;
  }

  std::vector<Probes> assign() const {
    std::vector<Probes> probes(vectors_.size());
    in_pieces(vectors_.size(), kPairPiece, threads_, [&](std::size_t begin, std::size_t end) {
      std::vector<std::int32_t> products(centres_.size());
      for (std::size_t i = begin; i < end && !stopped_(); ++i)
        probes[i] = probes_of(i, products, kProbes);
    });
    return probes;
  }

  const std::size_t dimensions_;
  const float min_similarity_;
  const std::size_t threads_;
  const std::function<void(std::size_t, std::size_t, float)>& use_;
  const std::function<bool()>& stopped_;
  std::vector<const std::int8_t*> vectors_;
  std::vector<float> scales_;
  std::vector<std::uint32_t> numbers_;  // of the rows
  std::vector<std::int8_t> centre_values_;
  std::vector<const std::int8_t*> centres_;
  std::vector<float> centre_scales_;
  std::mutex use_mutex_;
};

}  // namespace

void similar_vectors(const VectorRows& rows, std::size_t dimensions, float min_similarity,
                     std::size_t threads,
                     const std::function<void(std::size_t, std::size_t, float)>& use,
                     const std::function<bool()>& stopped) {
  SimilarVectors vectors(rows, dimensions, min_similarity, threads, use, stopped);
  if (rows.size() <= kEachWithEach) {
    vectors.compare_all();
  } else {
    vectors.compare_near();
  }
}

}  // namespace classifier
