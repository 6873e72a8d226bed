// RAII for libcurl's handles, and options that all transfers share.
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

// The header fields of a request, each as "Name: value".
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

// A handle for transfers one after another. The first call initialises libcurl.
CurlHandle new_curl_handle();

// Receives one line of an answer's header, or a piece of its body, of `size` bytes; `one` is 1. If
// it does not return `size`, the transfer ends with CURLE_WRITE_ERROR.
using CurlCallback = std::size_t(char* bytes, std::size_t one, std::size_t size, void* context);

struct CurlTransfer {
  const char* url;
  curl_slist* headers;  // may be null
  char* error_text;     // CURL_ERROR_SIZE bytes
  CurlCallback* on_header;
  CurlCallback* on_body;
  void* context;  // of both callbacks
};

// Allows http and https only, and disables signals. Except for the URL, what `transfer` points to
// outlives the transfer.
void set_common_options(CURL* curl, const CurlTransfer& transfer);

}  // namespace classifier
