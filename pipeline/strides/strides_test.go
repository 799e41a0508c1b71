package strides_test

import (
	"context"
	"testing"

	"github.com/thamos/thamos/pipeline"
	. "github.com/thamos/thamos/pipeline/pipelinetest"
	"github.com/thamos/thamos/pipeline/strides"
)

// TestUnique: a stack that was seen is refused, another is not.
func TestUnique(t *testing.T) {
	plan := Plan(t, new(Facts))
	u := strides.Units()[0]
	if u.When(plan) {
		t.Error("it is included although nothing was seen")
	}
	plan.Seen = map[string]bool{pipeline.StackKey(Stack("a==1.0", "b==2.0")): true}
	for _, test := range []struct {
		stack   []string
		refusal string
	}{
		{[]string{"a==1.0", "b==2.0"}, "it was seen before"},
		{[]string{"a==1.0", "b==3.0"}, ""},
		{[]string{"a==1.0"}, ""},
		{[]string{"a==1.0", "b==2.0", "c==1.0"}, ""},
	} {
		refusal, err := u.Stride(context.Background(), plan, Stack(test.stack...))
		if err != nil || refusal != test.refusal {
			t.Errorf("%v: %q, %v", test.stack, refusal, err)
		}
	}
}
