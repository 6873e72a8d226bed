// IP addresses and ranges of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace classifier {

// An IPv6 address of 16 bytes. IPv4 addresses are in the mapped form, ::ffff:a.b.c.d, so that both
// forms of an address are equal.
using IpAddress = std::array<std::uint8_t, 16>;

// Parses "192.0.2.1", "2001:db8::1" or "[2001:db8::1]", and ignores a zone ("fe80::1%eth0");
// nullopt for anything else.
std::optional<IpAddress> parse_ip(std::string_view text);

// "192.0.2.1" or "2001:db8::1"
std::string to_string(const IpAddress& address);

bool is_loopback(const IpAddress& address);

// What rate limits count as one client: an IPv4 address, or the first 64 bits of an IPv6 address.
IpAddress subject_of(IpAddress address);

// A range of addresses.
class IpNetwork {
 public:
  // Parses "10.0.0.0/8", "2001:db8::/32" or a single address; nullopt for anything else.
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpNetwork(const IpAddress& address, unsigned bits) : address_(address), bits_(bits) {}
  IpAddress address_;
  unsigned bits_;  // of the 128 that must be equal
};

bool any_contains(std::span<const IpNetwork> networks, const IpAddress& address);

}  // namespace classifier
