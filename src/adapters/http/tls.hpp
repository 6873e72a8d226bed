// The certificate and key that the server shows to clients.
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
  std::filesystem::path certificate;  // PEM, with the chain up to the root, its own first
  std::filesystem::path key;          // PEM, without a passphrase
  std::chrono::milliseconds check_every{1'000};
  // Told in one sentence what became of files that changed, and whether they are in use.
  std::function<void(const std::string& what, bool well)> on_change = [](const std::string&, bool) {
  };
};

// TLS 1.2 and later. The files are read again when they change; while what they hold is not usable,
// as between the writing of one and of the other, what was read last is used. Thread-safe.
class Tls {
 public:
  // kInvalidArgument names the setting, the file and what is wrong with it.
  static Result<std::shared_ptr<Tls>> open(TlsOptions options);

  // For a new connection.
  std::shared_ptr<boost::asio::ssl::context> context();

  // Looks at the files now.
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
