// Checksums of numbers that name a person or a card.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "runtime/guardian_rules.hpp"

namespace meshflow::runtime {
namespace {

[[nodiscard]] bool is_digit(char letter) noexcept { return letter >= '0' && letter <= '9'; }
[[nodiscard]] bool is_upper(char letter) noexcept { return letter >= 'A' && letter <= 'Z'; }
[[nodiscard]] bool is_lower(char letter) noexcept { return letter >= 'a' && letter <= 'z'; }
[[nodiscard]] char upper(char letter) noexcept {
  return is_lower(letter) ? static_cast<char>(letter - 'a' + 'A') : letter;
}

// Digits and letters, in upper case.
std::string compact(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (is_digit(letter) || is_upper(upper(letter))) out += upper(letter);
  }
  return out;
}

std::string digits_of(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), is_digit);
  return out;
}

// `text` is all digits; long numbers are fine.
int mod_of(std::string_view digits, int divisor) {
  int rest = 0;
  for (const char digit : digits) rest = (rest * 10 + (digit - '0')) % divisor;
  return rest;
}

bool has_luhn(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    int value = *digit - '0';
    if (doubled) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
    doubled = !doubled;
  }
  return sum % 10 == 0;
}

}  // namespace

bool is_luhn(std::string_view text) noexcept { return has_luhn(digits_of(text)); }

bool is_card_number(std::string_view text) noexcept {
  const std::string digits = digits_of(text);
  if (digits.size() < 13 || digits.size() > 19) return false;
  // All the same digit is a placeholder: 0000 0000 0000 0000 has a sum of 0.
  if (std::all_of(digits.begin(), digits.end(), [&](char digit) { return digit == digits.front(); })) return false;
  return has_luhn(digits);
}

bool is_us_ssn(std::string_view text) noexcept {
  const std::string digits = digits_of(text);
  if (digits.size() != 9) return false;
  const std::string area = digits.substr(0, 3);
  return area != "000" && area != "666" && area[0] != '9' && digits.substr(3, 2) != "00" &&
         digits.substr(5) != "0000" && digits != "123456789" && digits != "078051120";
}

bool is_iban(std::string_view text) noexcept {
  const std::string iban = compact(text);
  if (iban.size() < 15 || iban.size() > 34) return false;
  std::string digits;
  for (const char letter : iban.substr(4) + iban.substr(0, 4)) {
    if (is_digit(letter)) {
      digits += letter;
    } else {
      digits += std::to_string(letter - 'A' + 10);
    }
  }
  return mod_of(digits, 97) == 1;
}

bool is_es_dni(std::string_view text) noexcept {
  constexpr std::string_view kLetters = "TRWAGMYFPDXBNJZSQVHLCKE";
  std::string number = compact(text);
  if (number.size() != 9) return false;
  if (number[0] >= 'X' && number[0] <= 'Z') number[0] = static_cast<char>(number[0] - 'X' + '0');
  const std::string_view digits = std::string_view(number).substr(0, 8);
  return std::all_of(digits.begin(), digits.end(), is_digit) &&
         kLetters[static_cast<std::size_t>(mod_of(digits, 23))] == number[8];
}

bool is_fr_nir(std::string_view text) noexcept {
  std::string number = compact(text);
  if (number.size() != 15) return false;
  if (number[6] == 'A' || number[6] == 'B') {
    const bool is_south = number[6] == 'A';
    number[5] = '1';
    number[6] = is_south ? '9' : '8';
  }
  if (!std::all_of(number.begin(), number.end(), is_digit)) return false;
  return 97 - mod_of(std::string_view(number).substr(0, 13), 97) == mod_of(std::string_view(number).substr(13), 100);
}

bool is_nhs_number(std::string_view text) noexcept {
  const std::string digits = digits_of(text);
  if (digits.size() != 10) return false;
  int sum = 0;
  for (std::size_t at = 0; at < 9; ++at) sum += (digits[at] - '0') * (10 - static_cast<int>(at));
  const int check = (11 - sum % 11) % 11;
  return check != 10 && check == digits[9] - '0';
}

bool is_npi(std::string_view text) noexcept {
  const std::string digits = digits_of(text);
  return digits.size() == 10 && has_luhn("80840" + digits);
}

bool is_random_secret(std::string_view text) noexcept {
  std::string lower(text);
  for (char& letter : lower) letter = is_upper(letter) ? static_cast<char>(letter - 'A' + 'a') : letter;
  for (const std::string_view placeholder :
       {"your", "example", "xxxx", "****", "placeholder", "changeme", "....", "<", "${"}) {
    if (lower.find(placeholder) != std::string::npos) return false;
  }
  const bool has_digit = std::any_of(text.begin(), text.end(), is_digit);
  const bool has_letter = std::any_of(lower.begin(), lower.end(), is_lower);
  return has_digit && has_letter;
}

}  // namespace meshflow::runtime
