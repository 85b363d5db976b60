// Oracle serves the official grpc-gateway, generated from our protos, in front of a gRPC server.
//
// It prints its address when it listens, and ends when its standard input does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"

	taskmanagerv1 "task-manager/tests/conformance/gateway/oracle/gen/taskmanager/v1"
)

func main() {
	backend := flag.String("grpc-address", "", "where the gRPC server listens")
	protoNames := flag.Bool("proto-names", false, "JSON keys are proto field names")
	maxBody := flag.Int64("max-body-bytes", 1<<20, "the longest request body")
	flag.Parse()

	conn, err := grpc.NewClient(*backend, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	mux := runtime.NewServeMux(
		runtime.WithHealthzEndpoint(grpc_health_v1.NewHealthClient(conn)),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
			Marshaler: &runtime.JSONPb{
				MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: *protoNames},
				UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
			},
		}),
	)
	ctx := context.Background()
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		taskmanagerv1.RegisterTaskServiceHandler,
		taskmanagerv1.RegisterExecutionServiceHandler,
		taskmanagerv1.RegisterLockServiceHandler,
		taskmanagerv1.RegisterAdminServiceHandler,
	} {
		if err := register(ctx, mux, conn); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, http.MaxBytesHandler(mux, *maxBody)))
}
