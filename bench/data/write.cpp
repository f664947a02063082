// SPDX-License-Identifier: Apache-2.0
/// Writes the generated data sets as raw little-endian column files with a JSON manifest, for peers to read.
///
///   bench_data FOLDER [--rows N] DATASET…
///
///   lineitem      6,000,000 rows: seven columns of TPC-H's lineitem
///   lineitem_csv  2,000,000 rows of it as one CSV file with a header
///   group_100     10,000,000 rows: k int32 in [0, 100), v int64
///   group_1e5     the same with 100,000 keys
///   group_1e6_dense, group_1e7_dense    k int64, a million and ten million keys
///   group_1e6_sparse, group_1e7_sparse  the same, spread over all 64 bits
///
/// FOLDER/DATASET/manifest.json comes last, and a set whose manifest says what was asked for is left as it is.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "datasets.hpp"

namespace {
using namespace pillar_bench;
namespace fs = std::filesystem;

[[noreturn]] void stop(const std::string& why) {
  std::cerr << "bench_data: " << why << '\n';
  std::exit(1);
}

/// A file and the sum that its manifest holds: FNV-1a of the values' bytes, eight at a time where they come so.
class column_file {
 public:
  column_file(const fs::path& folder, std::string name)
      : name_(std::move(name)), out_(folder / name_, std::ios::binary) {}
  template <class T>
  void write(const std::vector<T>& values) {
    out_.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
    for (const T value : values) sum_ = (sum_ ^ static_cast<std::uint64_t>(value)) * 0x100000001b3u;
  }
  /// `"name": …, "type": …, "file": …, "sum": …` and what else the type needs.
  [[nodiscard]] std::string entry(const std::string& column, const std::string& type, const std::string& more = {}) {
    out_.close();
    if (!out_) stop("cannot write " + name_);
    std::ostringstream text;
    text << "    {\"name\": \"" << column << "\", \"type\": \"" << type << "\", \"file\": \"" << name_
         << "\", \"sum\": \"" << std::hex << sum_ << '"' << more << '}';
    return text.str();
  }

 private:
  std::string name_;
  std::ofstream out_;
  std::uint64_t sum_ = 0xcbf29ce484222325u;
};

template <std::size_t N>
std::string dictionary(const std::array<std::string_view, N>& words) {
  std::string out = ", \"dictionary\": [";
  for (std::size_t i = 0; i < N; ++i) out += std::string(i == 0 ? "\"" : ", \"") + std::string(words[i]) + '"';
  return out + ']';
}

std::string write_lineitem(const fs::path& folder, std::uint64_t row_count) {
  column_file quantity(folder, "l_quantity.i64"), price(folder, "l_extendedprice.i64"),
      discount(folder, "l_discount.i64"), tax(folder, "l_tax.i64"), flag(folder, "l_returnflag.u8"),
      status(folder, "l_linestatus.u8"), shipdate(folder, "l_shipdate.i32");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const lineitem_chunk chunk(number, rows);
    quantity.write(chunk.quantity);
    price.write(chunk.price);
    discount.write(chunk.discount);
    tax.write(chunk.tax);
    flag.write(chunk.flag);
    status.write(chunk.status);
    shipdate.write(chunk.shipdate);
  });
  return quantity.entry("l_quantity", "decimal(15,2)") + ",\n" + price.entry("l_extendedprice", "decimal(15,2)") +
         ",\n" + discount.entry("l_discount", "decimal(15,2)") + ",\n" + tax.entry("l_tax", "decimal(15,2)") + ",\n" +
         flag.entry("l_returnflag", "text", dictionary(lineitem_chunk::flags)) + ",\n" +
         status.entry("l_linestatus", "text", dictionary(lineitem_chunk::statuses)) + ",\n" +
         shipdate.entry("l_shipdate", "date");
}

std::string write_lineitem_csv(const fs::path& folder, std::uint64_t row_count) {
  std::FILE* out = std::fopen((folder / "lineitem.csv").c_str(), "wb");
  if (out == nullptr) stop("cannot write lineitem.csv");
  std::fputs("l_quantity,l_extendedprice,l_discount,l_tax,l_returnflag,l_linestatus,l_shipdate\n", out);
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const lineitem_chunk chunk(number, rows);
    for (std::uint64_t i = 0; i < rows; ++i) {
      const pillar::date::civil day = pillar::date::from_days(chunk.shipdate[i]).to_civil();
      const auto part = [](std::int64_t cents) { return static_cast<long long>(cents / 100); };
      const auto rest = [](std::int64_t cents) { return static_cast<long long>(cents % 100); };
      std::fprintf(out, "%lld.%02lld,%lld.%02lld,%lld.%02lld,%lld.%02lld,%s,%s,%04d-%02u-%02u\n",
                   part(chunk.quantity[i]), rest(chunk.quantity[i]), part(chunk.price[i]), rest(chunk.price[i]),
                   part(chunk.discount[i]), rest(chunk.discount[i]), part(chunk.tax[i]), rest(chunk.tax[i]),
                   lineitem_chunk::flags[chunk.flag[i]].data(), lineitem_chunk::statuses[chunk.status[i]].data(),
                   day.year, day.month, day.day);
    }
  });
  if (std::fclose(out) != 0) stop("cannot write lineitem.csv");
  return "    {\"name\": \"rows\", \"type\": \"csv\", \"file\": \"lineitem.csv\"}";
}

std::string write_group(const fs::path& folder, std::uint64_t row_count, std::uint64_t key_count) {
  column_file k(folder, "k.i32"), v(folder, "v.i64");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const group_chunk chunk(number, key_count, rows);
    k.write(chunk.k);
    v.write(chunk.v);
  });
  return k.entry("k", "int32") + ",\n" + v.entry("v", "int64");
}

std::string write_wide_group(const fs::path& folder, std::uint64_t row_count, std::uint64_t key_count, bool sparse) {
  column_file k(folder, "k.i64"), v(folder, "v.i64");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const wide_group_chunk chunk(number, key_count, sparse, rows);
    k.write(chunk.k);
    v.write(chunk.v);
  });
  return k.entry("k", "int64") + ",\n" + v.entry("v", "int64");
}

void write(const fs::path& folder, const std::string& name, std::uint64_t asked_rows) {
  const bool sparse = name.ends_with("_sparse");
  const bool million = name == "group_1e6_dense" || name == "group_1e6_sparse";
  const bool wide = million || name == "group_1e7_dense" || name == "group_1e7_sparse";
  const bool grouped = wide || name == "group_100" || name == "group_1e5";
  if (!grouped && name != "lineitem" && name != "lineitem_csv") stop("no data set '" + name + "'");
  const std::uint64_t usual = grouped ? 10'000'000 : name == "lineitem" ? 6'000'000 : 2'000'000;
  const std::uint64_t rows = asked_rows != 0 ? asked_rows : usual;
  std::ostringstream head;
  head << "{\n  \"dataset\": \"" << name << "\", \"revision\": " << datasets_revision << ", \"rows\": " << rows
       << ",\n";
  const fs::path manifest = folder / name / "manifest.json";
  if (std::ifstream there(manifest); there) {
    const std::string text{std::istreambuf_iterator<char>(there), {}};
    if (text.starts_with(head.str())) return;
    fs::remove(manifest);
  }
  fs::create_directories(folder / name);
  const std::string columns = wide ? write_wide_group(folder / name, rows, million ? 1'000'000 : 10'000'000, sparse)
                              : grouped ? write_group(folder / name, rows, name == "group_100" ? 100 : 100'000)
                              : name == "lineitem" ? write_lineitem(folder / name, rows)
                                                   : write_lineitem_csv(folder / name, rows);
  std::ofstream out(folder / name / "manifest.json.part");
  out << head.str() << "  \"columns\": [\n" << columns << "\n  ]\n}\n";
  out.close();
  if (!out) stop("cannot write " + manifest.string());
  fs::rename(folder / name / "manifest.json.part", manifest);
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) stop("bench_data FOLDER [--rows N] DATASET…");
  std::uint64_t rows = 0;
  for (int i = 2; i < argc; ++i) {
    if (std::string(argv[i]) == "--rows" && i + 1 < argc) rows = std::strtoull(argv[++i], nullptr, 10);
    else write(argv[1], argv[i], rows);
  }
}
