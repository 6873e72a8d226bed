// What every user of libcurl here needs: owners of its handles, and the options that all set.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string>

namespace classifier {

struct CloseCurlHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CloseCurlHandle>;

// The fields of a request's head, "Name: value" each.
class CurlHeaderList {
 public:
  void append(const std::string& line);
  curl_slist* get() const { return list_.get(); }

 private:
  struct Free {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<curl_slist, Free> list_;
};

// A handle for one transfer after another; the first call prepares libcurl.
CurlHandle new_curl_handle();

// Called with one line of an answer's head, or a piece of its body: `bytes` of 1 × `size` bytes.
// Anything but `size` ends the transfer with CURLE_WRITE_ERROR.
using CurlCallback = std::size_t(char* bytes, std::size_t one, std::size_t size, void* context);

struct CurlTransfer {
  const char* url;
  curl_slist* headers;  // may be null
  char* error_text;     // CURL_ERROR_SIZE bytes
  CurlCallback* on_header;
  CurlCallback* on_body;
  void* context;  // of both
};

// What every transfer shares: http and https only, and no signals. What `transfer` points to, other
// than the URL, outlives the transfer.
void set_common_options(CURL* curl, const CurlTransfer& transfer);

}  // namespace classifier
