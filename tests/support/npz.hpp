// Reads arrays in an .npz file, a ZIP archive of .npy files, stored or deflated. ZIP: PKWARE's
// APPNOTE 6.3; .npy: NEP 1, "A simple file format for NumPy arrays".
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/files.hpp"

namespace classifier::testing {

struct NpyArray {
  std::string header;  // a Python dictionary: descr, fortran_order, shape
  std::string data;
};

namespace npz_detail {

inline std::uint32_t number(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes.at(at + i))) << (8 * i);
  return value;
}

inline std::string inflate_raw(const std::string& packed, std::size_t size) {
  std::string plain(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::runtime_error("zlib does not start");
  // zlib does not write to its input, although the type is not const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  const int code = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (code != Z_STREAM_END || stream.avail_out != 0) throw std::runtime_error("damaged .npz");
  return plain;
}

inline NpyArray parse_npy(const std::string& file) {
  if (!file.starts_with("\x93NUMPY")) throw std::runtime_error("not an .npy file");
  const std::size_t width = file.at(6) == 1 ? 2 : 4;  // of the header's size, by version
  const std::size_t begin = 8 + width;
  const std::size_t size = number(file, 8, width);
  return {file.substr(begin, size), file.substr(begin + size)};
}

}  // namespace npz_detail

// The arrays by name. Throws std::runtime_error or std::out_of_range for a damaged file.
inline std::map<std::string, NpyArray> read_npz(const std::filesystem::path& path) {
  using npz_detail::number;
  const std::string zip = read_file(path).value();
  // The end record, the last with its signature, has the offset of the directory.
  const std::size_t end = zip.rfind("PK\x05\x06");
  if (end == std::string::npos) throw std::runtime_error(path.string() + " is not a ZIP archive");
  const std::uint32_t entries = number(zip, end + 10, 2);
  std::size_t at = number(zip, end + 16, 4);
  std::map<std::string, NpyArray> arrays;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const bool deflated = number(zip, at + 10, 2) == 8;
    const std::size_t packed_size = number(zip, at + 20, 4);
    const std::size_t plain_size = number(zip, at + 24, 4);
    const std::size_t name_size = number(zip, at + 28, 2);
    const std::size_t local = number(zip, at + 42, 4);
    std::string name = zip.substr(at + 46, name_size);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    at += 46 + name_size + number(zip, at + 30, 2) + number(zip, at + 32, 2);
    const std::size_t data = local + 30 + number(zip, local + 26, 2) + number(zip, local + 28, 2);
    const std::string packed = zip.substr(data, packed_size);
    arrays[name] =
        npz_detail::parse_npy(deflated ? npz_detail::inflate_raw(packed, plain_size) : packed);
  }
  return arrays;
}

}  // namespace classifier::testing
