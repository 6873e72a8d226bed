#include "adapters/http/tls.hpp"

#include <openssl/ssl.h>
#include <spdlog/fmt/fmt.h>

#include <boost/asio/ssl/context.hpp>
#include <utility>

namespace classifier::http {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// Forward secrecy and authenticated encryption only, which TLS 1.3 always has.
constexpr const char* kCiphersOfTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

Error unusable(const char* setting, const std::filesystem::path& file, const std::string& what) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("{} is \"{}\", but must be {}", setting, file.string(), what)};
}

std::shared_ptr<ssl::context> new_context() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const handle = context->native_handle();
  SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(handle, kCiphersOfTls12);
  SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);  // idle connections need no buffers
  // A key with a passphrase is an error, instead of a prompt on the terminal.
  error_code ignored;
  context->set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); }, ignored);
  return context;
}

}  // namespace

Tls::Tls(TlsOptions options) : options_(std::move(options)), interval_(options_.check_every) {}

Result<std::shared_ptr<Tls>> Tls::open(TlsOptions options) {
  std::shared_ptr<Tls> tls(new Tls(std::move(options)));
  const std::scoped_lock lock(tls->mutex_);
  if (auto read = tls->read(tls->versions()); !read) return std::unexpected(read.error());
  return tls;
}

Tls::Versions Tls::versions() const {
  return {version_of(options_.certificate), version_of(options_.key)};
}

// The caller holds mutex_.
Result<void> Tls::read(const Versions& versions) {
  versions_ = versions;
  auto context = new_context();
  error_code error;
  context->use_certificate_chain_file(options_.certificate.string(), error);
  if (error) {
    return std::unexpected(
        unusable("TLS_CERT", options_.certificate,
                 fmt::format("a file with a certificate in PEM ({})", error.message())));
  }
  context->use_private_key_file(options_.key.string(), ssl::context::pem, error);
  if (error) {
    return std::unexpected(unusable(
        "TLS_KEY", options_.key,
        fmt::format("a file with the key of the certificate in PEM, without a passphrase ({})",
                    error.message())));
  }
  context_ = std::move(context);
  return {};
}

void Tls::reload() {
  std::string what = "the TLS certificate has changed";
  bool in_use = true;
  {
    const std::scoped_lock lock(mutex_);
    const Versions now = versions();
    if (now == versions_) return;
    if (const auto done = read(now); !done) {
      in_use = false;
      what = fmt::format("the TLS certificate is not replaced: {}", done.error().message);
    }
  }
  options_.on_change(what, in_use);
}

std::shared_ptr<ssl::context> Tls::context() {
  if (interval_.is_over()) reload();
  const std::scoped_lock lock(mutex_);
  return context_;
}

}  // namespace classifier::http
