// A spool file with whatever bytes: reading ends, nothing is read twice, and what is counted adds up to the file.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "spool/reader.hpp"

namespace {

class BytesFile final : public meshflow::ReadFile {
 public:
  explicit BytesFile(std::string bytes) : bytes_(std::move(bytes)) {}
  meshflow::Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return offset < bytes_.size() ? bytes_.substr(offset, size) : std::string();
  }
  meshflow::Result<std::uint64_t> size() override { return bytes_.size(); }

 private:
  const std::string bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace meshflow;
  // The first byte says whether the file header is repaired, so that frames are reached without guessing a checksum.
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const spool::FileHeader header{1, {'m', 'a', 'r', 'k', 'm', 'a', 'r', 'k'}};
  if ((data[0] & 1) != 0) bytes = spool::encode(header) + bytes;
  const bool is_closed = (data[0] & 2) != 0;

  BytesFile file(bytes);
  spool::FileReader reader(file, 0);
  spool::Damage damage;
  std::uint64_t before = reader.offset();
  for (;;) {
    const auto frame = reader.next(is_closed, damage);
    if (!frame) std::abort();  // a file in memory does not fail
    if (!*frame) break;
    if (reader.offset() <= before || reader.offset() > bytes.size()) std::abort();
    if ((*frame)->payload.size() + spool::kFrameHeaderBytes > reader.offset() - before) std::abort();
    before = reader.offset();
  }
  if (damage.corrupt_bytes + damage.torn_bytes > bytes.size()) std::abort();
  return 0;
}
