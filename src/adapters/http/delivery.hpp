// What no handler needs to think of: tags of answers, so that a client that has one already gets no
// second copy, and compression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"

namespace classifier::http {

// Memory that compressing takes beside the answer, in bytes.
constexpr std::uint64_t kGzipMemory = 300 << 10;

// Whether an Accept-Encoding admits gzip. RFC 9110, section 12.5.3.
bool takes_gzip(std::string_view accept_encoding);

// Gives a JSON answer to GET the hash of its body as ETag, unless the handler gave one or said how
// long it may be kept, and makes it a 304 where the client has it.
void add_tag(const Request& request, Response& response);

// Whether this answer, of a body of `size` bytes or more, is to be compressed for this client: JSON
// or CSV from 1 kB on. Adds Vary where that depends on the client.
bool to_compress(const Request& request, Response& response, std::size_t size);

// Compresses a body that is not streamed. Its ETag then differs from that of the plain one, as
// RFC 9110 wants; matches_etag() knows both.
void compress(Response& response);

// The same for a stream of which `first_piece` was made already. Its error is that of the stream.
Result<void> compress_stream(Response& response, std::optional<std::string>& first_piece);

}  // namespace classifier::http
