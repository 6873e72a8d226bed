// Places in the orders of the photos: an order is an index, cut into blocks that are counted. So
// what is at any place is found by adding up counts and then reading at most one block.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "adapters/embedded/sqlite_database.hpp"
#include "ports/catalogue.hpp"

namespace classifier {

struct PhotoOrder {
  int number;          // in photo_blocks
  const char* column;  // of photos
  // The id again, as the index has it; the index of the keys needs none, since they differ.
  const char* tie;
};
inline constexpr std::array<PhotoOrder, 5> kPhotoOrders{{{0, "key", "id"},
                                                         {1, "uploaded", "seq"},
                                                         {2, "sort_name", "seq"},
                                                         {3, "taken", "seq"},
                                                         {4, "size", "seq"}}};

const PhotoOrder& photo_order(ImageOrder order);

// Photos with equal values are in the order of their ids.
struct PhotoPlace {
  struct Bytes {
    std::string bytes;
    friend auto operator<=>(const Bytes&, const Bytes&) = default;
  };
  std::variant<std::int64_t, std::string, Bytes> value;  // as the column has it
  std::int64_t id = 0;
  friend auto operator<=>(const PhotoPlace&, const PhotoPlace&) = default;
};

// What is at `from` or after it, and before `to` or at it.
struct PhotoRange {
  std::optional<PhotoPlace> from;
  std::optional<PhotoPlace> to;
  bool whole() const { return !from && !to; }
};

// Adds `change` (1 or -1) to the block of the place. To be called after the row was inserted or
// removed.
void count_in_block(SqliteConnection& connection, const PhotoOrder& order, const PhotoPlace& place,
                    int change);

PhotoPlace place_of(SqliteConnection& connection, const PhotoOrder& order, std::int64_t id);

std::int64_t count_in_range(SqliteConnection& connection, const PhotoOrder& order,
                            const PhotoRange& range);

// Calls `use` with the ids of the range in rising or falling order until it returns false.
void each_in_range(SqliteConnection& connection, const PhotoOrder& order, const PhotoRange& range,
                   bool falling, const std::function<bool(std::int64_t)>& use);

// The same, but beginning with the one at `offset`, which is found without reading those before it.
void each_from(SqliteConnection& connection, const PhotoOrder& order, const PhotoRange& range,
               bool falling, std::int64_t offset, const std::function<bool(std::int64_t)>& use);

}  // namespace classifier
