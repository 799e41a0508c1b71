package cmd

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/thamos/thamos/predictor"
)

func newPredictors(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "predictors",
		Short: "Tell the ways in which the best stack can be searched",
		Long: `Tell the ways in which the best stack can be searched. Those that prove end by
themselves, with the best stack and the proof. The others look at stacks until
their budget ends, or until the best so far meets a bound that nothing exceeds.`,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "PREDICTOR\tPROVES\tBUDGET\tWHAT IT DOES")
			for _, s := range predictor.Strategies() {
				proves, budget := "no", float64(predictor.DefaultBudget)
				if s.Proves {
					proves, budget = "yes", defaultBudget
				}
				fmt.Fprintf(w, "%s\t%s\t%.0e\t%s\n", s.Name, proves, budget, s.Doc)
			}
			return w.Flush()
		},
	}
}
