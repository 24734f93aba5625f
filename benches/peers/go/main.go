// The routes of the speed report on Go's net/http, with what people usually take for telemetry: otelhttp for spans,
// client_golang for metrics, log/slog for lines. Prints its address.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests.",
	}, []string{"path", "method", "code"})
	durations = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Durations of requests.", Buckets: prometheus.DefBuckets,
	}, []string{"path", "method"})
)

// traced adds the ids of the span to each line.
type traced struct{ slog.Handler }

func (handler traced) Handle(ctx context.Context, record slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	return handler.Handler.Handle(ctx, record)
}

func respond(writer http.ResponseWriter, value any) {
	writer.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(writer).Encode(value); err != nil {
		slog.Error("the answer was not sent", "error", err)
	}
}

func run() error {
	ctx := context.Background()
	slog.SetDefault(slog.New(traced{slog.NewJSONHandler(os.Stdout, nil)}))
	exporter, err := otlptracegrpc.New(ctx) // OTEL_EXPORTER_OTLP_ENDPOINT
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter)) // OTEL_SERVICE_NAME
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	urls := []string{
		fmt.Sprintf("http://%s/", listener.Addr()),
		fmt.Sprintf("http://%s/io_task", os.Getenv("TARGET_ONE_HOST")),
		fmt.Sprintf("http://%s/cpu_task", os.Getenv("TARGET_TWO_HOST")),
	}
	// Go keeps two idle connections to a host; with more requests at a time it would connect for each.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 100
	client := &http.Client{Transport: otelhttp.NewTransport(transport)}
	get := func(ctx context.Context, url string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}

	routes := http.NewServeMux()
	route := func(path, pattern string, handler http.HandlerFunc) {
		labels := prometheus.Labels{"path": path}
		counted := promhttp.InstrumentHandlerDuration(durations.MustCurryWith(labels),
			promhttp.InstrumentHandlerCounter(requests.MustCurryWith(labels), handler))
		routes.Handle(pattern, otelhttp.NewHandler(counted, "GET "+path))
	}
	route("/", "GET /{$}", func(writer http.ResponseWriter, request *http.Request) {
		slog.InfoContext(request.Context(), "hello world")
		respond(writer, map[string]string{"Hello": "World"})
	})
	route("/io_task", "GET /io_task", func(writer http.ResponseWriter, request *http.Request) {
		slog.InfoContext(request.Context(), "io task")
		respond(writer, "IO bound task finish!")
	})
	route("/cpu_task", "GET /cpu_task", func(writer http.ResponseWriter, request *http.Request) {
		slog.InfoContext(request.Context(), "cpu task")
		respond(writer, map[string]int{"primes": 0})
	})
	route("/chain", "GET /chain", func(writer http.ResponseWriter, request *http.Request) {
		for _, url := range urls {
			if err := get(request.Context(), url); err != nil {
				slog.ErrorContext(request.Context(), "chain failed", "error", err)
				http.Error(writer, err.Error(), http.StatusBadGateway)
				return
			}
		}
		slog.InfoContext(request.Context(), "chain finished")
		respond(writer, map[string]string{"path": "/chain"})
	})
	routes.Handle("GET /metrics", promhttp.Handler())
	return http.Serve(listener, routes)
}

func main() {
	if err := run(); err != nil {
		slog.Error("the server ended", "error", err)
		os.Exit(1)
	}
}
