// Package fleet runs thousands of clients, each with a connection and a
// pipeline of its own, against one TLS server that stalls now and then, and
// measures at the server what they cost it.
//
// Serve is the server, in a process of its own and on another machine if need
// be. Run makes one run with one libcurl, or a shard of it: it meets the other
// shards at the server, and all of them start their clients together. Merge
// puts shards together; Table, Write and Picture show runs beside each other.
package fleet
