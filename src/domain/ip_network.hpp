// IP addresses and ranges of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace classifier {

// An IPv6 address of 16 bytes; one of IPv4 is in its mapped form, ::ffff:a.b.c.d, so that both
// ways in which a system may write it are equal.
using IpAddress = std::array<std::uint8_t, 16>;

// Of "192.0.2.1", "2001:db8::1", "[2001:db8::1]", also with a zone ("fe80::1%eth0"), which is left
// out; nullopt for anything else.
std::optional<IpAddress> parse_ip(std::string_view text);

// "192.0.2.1" or "2001:db8::1"
std::string to_string(const IpAddress& address);

bool is_loopback(const IpAddress& address);

// What one client is likely to have: an IPv4 address, or the first 64 bits of an IPv6 address.
IpAddress subject_of(IpAddress address);

// A range such as 10.0.0.0/8, or one address.
class IpNetwork {
 public:
  // Of "10.0.0.0/8", "2001:db8::/32" or an address; nullopt for anything else.
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpNetwork(const IpAddress& address, unsigned bits) : address_(address), bits_(bits) {}
  IpAddress address_;
  unsigned bits_;  // of the 128 that must agree
};

bool any_contains(std::span<const IpNetwork> networks, const IpAddress& address);

}  // namespace classifier
