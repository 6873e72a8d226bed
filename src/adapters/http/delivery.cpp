#include "adapters/http/delivery.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <utility>

#include "domain/text.hpp"

namespace classifier::http {
namespace {

constexpr std::size_t kSmallest = 1'000;  // bytes; a smaller answer fits into one packet anyway
// Level 6 makes answers a tenth smaller and takes twice as long: docs/performance.md.
constexpr int kLevel = 3;
constexpr int kGzipWindow = 15 + 16;  // of zlib: the largest window, and the header of gzip
constexpr int kMemoryLevel = 8;
constexpr std::size_t kOutput = 32 << 10;

class Gzip {
 public:
  Gzip() {
    if (deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Gzip() { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  // Appends what is ready of the compressed text to `out`; with `last` all of it.
  void add(std::string_view text, bool last, std::string& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      std::array<char, kOutput> ready;  // NOLINT(cppcoreguidelines-pro-type-member-init)
      stream_.next_out = reinterpret_cast<Bytef*>(ready.data());
      stream_.avail_out = kOutput;
      deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      out.append(ready.data(), kOutput - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class GzipPieces final : public BodyGenerator {
 public:
  GzipPieces(std::unique_ptr<BodyGenerator> pieces, std::string first)
      : pieces_(std::move(pieces)), first_(std::move(first)) {}

  Result<std::optional<std::string>> next() override {
    std::string out;
    while (!ended_ && out.empty()) {
      if (first_) {
        gzip_.add(*std::exchange(first_, std::nullopt), false, out);
        continue;
      }
      const auto piece = pieces_->next();
      if (!piece) return std::unexpected(piece.error());
      ended_ = !*piece;
      gzip_.add(ended_ ? std::string_view() : **piece, ended_, out);
    }
    if (out.empty()) return std::nullopt;
    return out;
  }
  std::uint64_t memory() const override { return pieces_->memory() + kGzipMemory; }

 private:
  std::unique_ptr<BodyGenerator> pieces_;
  std::optional<std::string> first_;
  Gzip gzip_;
  bool ended_ = false;
};

// Calls `use` with each part of a list.
template <class Use>
void each_part(std::string_view list, char separator, Use use) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(separator, begin), list.size());
    use(to_lower(trim(list.substr(begin, end - begin))));
    begin = end + 1;
  }
}

bool is_json(const Response& response) {
  return media_type(response.headers.get("Content-Type")) == "application/json";
}

bool reads(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

// The tag of the compressed form: "abc-gzip" for "abc".
std::string gzip_tag(std::string_view etag) {
  if (etag.size() < 2 || etag.starts_with("W/")) return std::string(etag);
  return std::string(etag.substr(0, etag.size() - 1)).append(kGzipTag).append("\"");
}

void set_gzip(Response& response) {
  response.headers.add("Content-Encoding", "gzip");
  if (response.headers.has("ETag"))
    response.headers.set("ETag", gzip_tag(response.headers.get("ETag")));
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  std::optional<double> gzip;
  double others = 0;
  each_part(accept_encoding, ',', [&](const std::string& entry) {
    std::string coding;
    double quality = 1;
    each_part(entry, ';', [&](const std::string& part) {
      if (coding.empty()) coding = part;
      if (!part.starts_with("q=")) return;
      quality = 0;
      std::from_chars(part.data() + 2, part.data() + part.size(), quality);
    });
    if (coding == "gzip" || coding == "x-gzip") gzip = quality;
    if (coding == "*") others = quality;
  });
  return gzip.value_or(others) > 0;
}

void add_tag(const Request& request, Response& response) {
  if (!reads(request) || response.status != 200 || !is_json(response)) return;
  auto* const body = std::get_if<std::string>(&response.body);
  if (body == nullptr) return;
  Headers& headers = response.headers;
  if (!headers.has("ETag")) {
    if (headers.has("Cache-Control")) return;
    headers.add("ETag", "\"" + sha256_hex(*body).substr(0, 32) + "\"");
  }
  if (!headers.has("Cache-Control")) headers.add("Cache-Control", kAskAgain);
  if (!matches_etag(request.headers.get("If-None-Match"), headers.get("ETag"))) return;
  const bool compressed = to_compress(request, response, body->size());
  const std::string etag(headers.get("ETag"));
  response = not_modified(compressed ? gzip_tag(etag) : etag, headers.get("Cache-Control"));
}

bool to_compress(const Request& request, Response& response, std::size_t size) {
  const std::string type = media_type(response.headers.get("Content-Type"));
  if (size < kSmallest || (type != "application/json" && type != "text/csv") ||
      response.headers.has("Content-Encoding")) {
    return false;
  }
  response.headers.add("Vary", "Accept-Encoding");
  return takes_gzip(request.headers.get("Accept-Encoding"));
}

void compress(Response& response) {
  auto& body = std::get<std::string>(response.body);
  std::string compressed;
  compressed.reserve(body.size() / 4);
  Gzip().add(body, true, compressed);
  body = std::move(compressed);
  body.shrink_to_fit();
  set_gzip(response);
}

Result<void> compress_stream(Response& response, std::optional<std::string>& first_piece) {
  auto& stream = std::get<StreamBody>(response.body);
  stream.generator = std::make_unique<GzipPieces>(std::move(stream.generator),
                                                  std::exchange(first_piece, std::nullopt).value());
  stream.length.reset();
  set_gzip(response);
  auto first = stream.generator->next();
  if (!first) return std::unexpected(first.error());
  first_piece = std::move(*first);
  return {};
}

}  // namespace classifier::http
