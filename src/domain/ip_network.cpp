#include "domain/ip_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace classifier {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kBitsBeforeIpv4 = 96;
constexpr IpAddress kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t kIpv4At = 12;

bool is_ipv4(const IpAddress& address) {
  return std::equal(address.begin(), address.begin() + kIpv4At, kMapped.begin());
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string plain(text.substr(0, text.find('%')));
  // inet_pton would ignore what follows a zero byte.
  if (plain.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address = kMapped;
  if (::inet_pton(AF_INET, plain.c_str(), address.data() + kIpv4At) == 1) return address;
  if (::inet_pton(AF_INET6, plain.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool four = is_ipv4(address);
  ::inet_ntop(four ? AF_INET : AF_INET6, address.data() + (four ? kIpv4At : 0), text.data(),
              text.size());
  return text.data();
}

bool is_loopback(const IpAddress& address) {
  IpAddress one{};
  one.back() = 1;
  return address == one || (is_ipv4(address) && address[kIpv4At] == 127);
}

IpAddress subject_of(IpAddress address) {
  if (!is_ipv4(address)) std::fill(address.begin() + 8, address.end(), std::uint8_t{0});
  return address;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork(*address, kBits);
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned before = text.find(':') == std::string_view::npos ? kBitsBeforeIpv4 : 0;
  if (error != std::errc() || end != digits.data() + digits.size() || bits > kBits - before)
    return std::nullopt;
  return IpNetwork(*address, before + bits);
}

bool IpNetwork::contains(const IpAddress& address) const {
  const std::size_t whole = bits_ / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                  address_.begin())) {
    return false;
  }
  const unsigned rest = bits_ % 8;
  return rest == 0 || ((address[whole] ^ address_[whole]) >> (8 - rest)) == 0;
}

bool any_contains(std::span<const IpNetwork> networks, const IpAddress& address) {
  return std::ranges::any_of(networks,
                             [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace classifier
