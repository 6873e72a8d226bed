// The server's certificate and key.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "domain/error.hpp"
#include "support/file_version.hpp"

namespace boost::asio::ssl {
class context;
}

namespace classifier::http {

struct TlsOptions {
  std::filesystem::path certificate;  // PEM, followed by the chain up to the root
  std::filesystem::path key;          // PEM, without a passphrase
  std::chrono::milliseconds check_every{1'000};
  // Called after the files changed: `what` is a sentence for the log, `in_use` is false if the new
  // files could not be loaded.
  std::function<void(const std::string& what, bool in_use)> on_change = [](const std::string&,
                                                                           bool) {};
};

// TLS 1.2 and later. The files are read again when they change. While they cannot be used, such as
// when only one of the two is replaced yet, the earlier certificate stays in use. Thread-safe.
class Tls {
 public:
  // kInvalidArgument if a file cannot be used; the message names the setting and the file.
  static Result<std::shared_ptr<Tls>> open(TlsOptions options);

  // The context for a new connection.
  std::shared_ptr<boost::asio::ssl::context> context();

  // Checks the files now.
  void reload();

 private:
  struct Versions {
    FileVersion certificate;
    FileVersion key;
    friend bool operator==(const Versions&, const Versions&) = default;
  };
  explicit Tls(TlsOptions options);
  Result<void> read(const Versions& versions);
  Versions versions() const;

  const TlsOptions options_;
  Interval interval_;
  std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;  // guarded by mutex_
  Versions versions_;                                   // guarded by mutex_
};

}  // namespace classifier::http
