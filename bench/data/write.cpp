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
///   h2o           10,000,000 rows of h2o.ai's group-by table: three texts, three integers, two values, a real
///   join_build    1,000,000 rows: keys in four forms and a payload
///   join_probe    10,000,000 rows that look for them
///
/// FOLDER/DATASET/manifest.json comes last, and a set whose manifest says what was asked for is left as it is.
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <type_traits>

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
    for (const T value : values) sum_ = (sum_ ^ word_of(value)) * 0x100000001b3u;
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
  template <class T>
  static std::uint64_t word_of(T value) {
    if constexpr (std::is_same_v<T, double>) return std::bit_cast<std::uint64_t>(value);
    else return static_cast<std::uint64_t>(value);
  }
  std::string name_;
  std::ofstream out_;
  std::uint64_t sum_ = 0xcbf29ce484222325u;
};

template <class Word, std::size_t N>
std::string dictionary(const std::array<Word, N>& words) {
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

/// Texts of 12 characters, which stand one behind the other.
std::string text_entry(column_file& file, const std::string& column) {
  return file.entry(column, "text", ", \"characters\": 12");
}

std::string write_h2o(const fs::path& folder, std::uint64_t row_count) {
  column_file id1(folder, "id1.u8"), id2(folder, "id2.u8"), id3(folder, "id3.c12"), id4(folder, "id4.i32"),
      id5(folder, "id5.i32"), id6(folder, "id6.i32"), v1(folder, "v1.i32"), v2(folder, "v2.i32"), v3(folder, "v3.f64");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const h2o_chunk chunk(number, row_count, rows);
    id1.write(chunk.id1);
    id2.write(chunk.id2);
    id3.write(chunk.id3);
    id4.write(chunk.id4);
    id5.write(chunk.id5);
    id6.write(chunk.id6);
    v1.write(chunk.v1);
    v2.write(chunk.v2);
    v3.write(chunk.v3);
  });
  const std::string words = dictionary(h2o_chunk::words());
  return id1.entry("id1", "text", words) + ",\n" + id2.entry("id2", "text", words) + ",\n" + text_entry(id3, "id3") +
         ",\n" + id4.entry("id4", "int32") + ",\n" + id5.entry("id5", "int32") + ",\n" + id6.entry("id6", "int32") +
         ",\n" + v1.entry("v1", "int32") + ",\n" + v2.entry("v2", "int32") + ",\n" + v3.entry("v3", "double");
}

/// The columns that both sides of a join have.
class join_files {
 public:
  explicit join_files(const fs::path& folder)
      : dense_(folder, "dense.i64"),
        sparse_(folder, "sparse.i64"),
        duplicates_(folder, "duplicates.i64"),
        text_(folder, "text.c12") {}
  void write(const join_keys& keys) {
    dense_.write(keys.dense);
    sparse_.write(keys.sparse);
    duplicates_.write(keys.duplicates);
    text_.write(keys.text);
  }
  std::string entries() {
    return dense_.entry("dense", "int64") + ",\n" + sparse_.entry("sparse", "int64") + ",\n" +
           duplicates_.entry("duplicates", "int64") + ",\n" + text_entry(text_, "text") + ",\n";
  }

 private:
  column_file dense_, sparse_, duplicates_, text_;
};

std::string write_join_build(const fs::path& folder, std::uint64_t row_count) {
  join_files keys(folder);
  column_file payload(folder, "payload.i64");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const join_build_chunk chunk(number, row_count, rows);
    keys.write(chunk);
    payload.write(chunk.payload);
  });
  return keys.entries() + payload.entry("payload", "int64");
}

std::string write_join_probe(const fs::path& folder, std::uint64_t row_count) {
  join_files keys(folder);
  column_file ten_percent(folder, "ten_percent.i64");
  for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
    const join_probe_chunk chunk(number, std::max<std::uint64_t>(row_count / 10, 1), rows);
    keys.write(chunk);
    ten_percent.write(chunk.ten_percent);
  });
  return keys.entries() + ten_percent.entry("ten_percent", "int64");
}

std::string write_columns(const fs::path& folder, const std::string& name, std::uint64_t rows) {
  if (name == "lineitem") return write_lineitem(folder, rows);
  if (name == "lineitem_csv") return write_lineitem_csv(folder, rows);
  if (name == "h2o") return write_h2o(folder, rows);
  if (name == "join_build") return write_join_build(folder, rows);
  if (name == "join_probe") return write_join_probe(folder, rows);
  const bool sparse = name.ends_with("_sparse");
  if (sparse || name.ends_with("_dense"))
    return write_wide_group(folder, rows, name.starts_with("group_1e6") ? 1'000'000 : 10'000'000, sparse);
  return write_group(folder, rows, name == "group_100" ? 100 : 100'000);
}

/// Rows of each set, unless asked otherwise.
const std::map<std::string, std::uint64_t> usual_rows = {
    {"lineitem", 6'000'000},         {"lineitem_csv", 2'000'000},      {"group_100", 10'000'000},
    {"group_1e5", 10'000'000},       {"group_1e6_dense", 10'000'000},  {"group_1e6_sparse", 10'000'000},
    {"group_1e7_dense", 10'000'000}, {"group_1e7_sparse", 10'000'000}, {"h2o", 10'000'000},
    {"join_build", 1'000'000},       {"join_probe", 10'000'000}};

void write(const fs::path& folder, const std::string& name, std::uint64_t asked_rows) {
  const auto usual = usual_rows.find(name);
  if (usual == usual_rows.end()) stop("no data set '" + name + "'");
  const std::uint64_t rows = asked_rows != 0 ? asked_rows : usual->second;
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
  const std::string columns = write_columns(folder / name, name, rows);
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
